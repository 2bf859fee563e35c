// What stood at a path before us: nothing, a file (kept by its hash), or a link. Shared by the kinds that put
// one thing at one path: saving it, seeing that it is there again, and putting it back.
import { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { temporaryPath } from '../host/durable.ts';
import type { Host } from '../host/host.ts';
import type { Tools, UndoOutcome } from './kind.ts';

const ownership = { mode: z.number(), uid: z.number(), gid: z.number() };

export const originalSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('absent') }),
  z.strictObject({ kind: z.literal('file'), sha256: z.string(), ...ownership }),
  z.strictObject({ kind: z.literal('link'), target: z.string(), uid: z.number(), gid: z.number() }),
]);
export type Original = z.infer<typeof originalSchema>;

export async function saveOriginal(tools: Tools, path: string): Promise<Original> {
  const status = await tools.host.files.status(path);
  if (status === undefined) return { kind: 'absent' };
  const { mode, uid, gid } = status;
  if (status.kind === 'link') return { kind: 'link', target: status.target ?? '', uid, gid };
  if (status.kind !== 'file') {
    throw new Fault('PATH_OCCUPIED', { path, kind: status.kind });
  }
  const content = await tools.host.files.readBytes(path);
  return { kind: 'file', sha256: await tools.backups.save(content ?? new Uint8Array()), mode, uid, gid };
}

/** True when the path is now exactly as it was before us. */
export async function samePlace(host: Host, path: string, original: Original): Promise<boolean> {
  const status = await host.files.status(path);
  switch (original.kind) {
    case 'absent':
      return status === undefined;
    case 'link':
      return status?.kind === 'link' && status.target === original.target;
    case 'file':
      return (
        status?.kind === 'file' &&
        status.mode === original.mode &&
        status.uid === original.uid &&
        status.gid === original.gid &&
        (await host.files.sha256(path)) === original.sha256
      );
  }
}

/** A file or link is put in place in one move, whatever stands there now (a directory excepted). */
export async function restoreOriginal(
  { host, backups }: Tools,
  path: string,
  original: Exclude<Original, { kind: 'absent' }>,
): Promise<UndoOutcome> {
  const { uid, gid } = original;
  if (original.kind === 'link') {
    await host.files.makeLink(path, original.target);
    await host.files.setMode(path, { mode: 0o777, uid, gid });
    return { outcome: 'restored' };
  }
  const content = await backups.load(original.sha256);
  if (content === undefined) {
    return { outcome: 'kept', detail: `the backup ${original.sha256} of ${path} is missing or damaged` };
  }
  await host.files.write(path, content, { mode: original.mode, uid, gid });
  return { outcome: 'restored' };
}

export async function takeAway(host: Host, path: string): Promise<UndoOutcome> {
  await host.files.removeFile(temporaryPath(path));
  await host.files.removeFile(path);
  return { outcome: 'restored' };
}
