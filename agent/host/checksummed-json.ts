// A small JSON file with a version and a checksum, replaced as a whole: what the agent remembers between
// runs. A damaged one is told apart from one that is not there, and never taken for what it says. Its keys
// are `version`, `sha256` and the name of what it holds; the checksum is over that as it is written, in
// the writer's order of keys.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Host } from './host.ts';

interface Place {
  readonly path: string;
  /** The key under which the value stands. */
  readonly name: string;
}

export type ChecksummedValue =
  | { readonly kind: 'absent' }
  | { readonly kind: 'damaged'; readonly detail: string }
  | { readonly kind: 'value'; readonly value: unknown };

export async function readChecksummedJson(host: Host, { path, name }: Place): Promise<ChecksummedValue> {
  const text = await host.files.readText(path);
  if (text === undefined) return { kind: 'absent' };
  const shape = z.object({ version: z.literal(1), sha256: z.string(), [name]: z.unknown() });
  const file = shape.safeParse(parsed(text));
  if (!file.success) return { kind: 'damaged', detail: `it is damaged (${file.error.issues[0]?.message})` };
  const value: unknown = file.data[name];
  if (checksumOf(value) !== file.data.sha256) return { kind: 'damaged', detail: 'its checksum is wrong' };
  return { kind: 'value', value };
}

export async function writeChecksummedJson(host: Host, { path, name }: Place, value: object): Promise<void> {
  const file = { version: 1, sha256: checksumOf(value), [name]: value };
  await host.files.write(path, `${JSON.stringify(file, undefined, 1)}\n`, { mode: 0o600 });
}

function checksumOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
