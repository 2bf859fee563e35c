// What this host believes about artifacts, /var/lib/regnode/trust.json: the public keys that it has pinned, the highest serial
// number that it has seen, and the manifest that was last accepted, as it was signed. One file with a version and a
// checksum, replaced as a whole, so keys and serial never disagree, whatever a crash does.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type Manifest, manifestSchema } from '../../protocol/messages/manifest.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { hashOf } from '../plan/backups.ts';

const trustSchema = z.strictObject({
  keys: z.array(z.string()).min(1),
  serial: z.number().int().positive(),
  manifestSha256: z.string(),
  manifest: manifestSchema,
});
const fileSchema = z.strictObject({ version: z.literal(1), sha256: z.string(), trust: trustSchema });

export interface PinnedTrust {
  readonly keys: readonly string[];
  readonly serial: number;
  readonly manifestSha256: string;
  readonly manifest: Manifest;
}

/** undefined when nothing has been pinned yet. */
export async function readTrust(host: Host): Promise<PinnedTrust | undefined> {
  const text = await host.files.readText(paths.trust);
  if (text === undefined) return undefined;
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success && hashOf(JSON.stringify(parsed.data.trust)) === parsed.data.sha256)
    return parsed.data.trust;
  const detail = parsed.success
    ? 'its checksum is wrong'
    : `it is damaged (${parsed.error.issues[0]?.message})`;
  throw new Fault('CONFIGURATION_INVALID', { path: paths.trust, detail });
}

export async function writeTrust(host: Host, trust: PinnedTrust): Promise<void> {
  const parsed = trustSchema.parse(trust); // the order of keys is the schema's: the checksum is over that
  const file = { version: 1, sha256: hashOf(JSON.stringify(parsed)), trust: parsed };
  await host.files.write(paths.trust, `${JSON.stringify(file, undefined, 1)}\n`, { mode: 0o600 });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
