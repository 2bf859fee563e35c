// A folder. One of `ours` is emptied of whatever appeared in it since (mounts are taken down first, deepest
// first, and removal never enters one that stayed); a `shared` one goes only when we made it and it is empty.
// A folder that is there already is left with the mode that it has. A link in its place is followed, but not
// where others than root may put one.
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import type { FileStatus, Host } from '../../host/host.ts';
import { isBelow } from '../../host/mounts.ts';
import { couldNotRemove, defineKind, right, type UndoOutcome, wrong } from '../kind.ts';
import { unmountBelow } from '../unmount.ts';

/** Pods that collect logs may write in it, and the syslog of some hosts: a link there may lead anywhere. */
const lentFolder = '/var/log';

const entrySchema = z.strictObject({
  path: z.string(),
  content: z.enum(['ours', 'shared']),
  /** null when there was no such folder. */
  original: z
    .strictObject({ entries: z.array(z.string()), mode: z.number(), uid: z.number(), gid: z.number() })
    .nullable(),
  /** Mount points at or below it before us, as `path root`. */
  mounts: z.array(z.string()),
});
type Entry = z.infer<typeof entrySchema>;

interface Observed {
  readonly entries: readonly string[] | undefined;
  readonly status: FileStatus | undefined;
}

export const directoryKind = defineKind<'directory', Observed, Entry>({
  kind: 'directory',
  identify: (resource) => `directory:${resource.path}`,
  title: (resource) => `make the folder ${resource.path}`,

  async observe(host, resource) {
    // A link to a folder serves: hosts put /opt or /var/lib/containerd on another disk that way. What is
    // looked at, noted and emptied is the folder behind it; the link itself is its owner's.
    const status = await host.files.status(await host.files.resolve(resource.path));
    return {
      status,
      entries: status?.kind === 'directory' ? await host.files.list(resource.path) : undefined,
    };
  },

  compare(resource, { entries, status }, journaled) {
    if (status !== undefined && entries === undefined) return wrong(`a ${status.kind} stands there`);
    if (entries === undefined) return wrong('absent');
    if (resource.content === 'shared' || journaled) return right;
    return wrong(entries.length === 0 ? 'there, empty: noted' : 'there: what it holds is noted and stays');
  },

  entrySchema,
  async record({ host }, { path, content }, { entries, status }) {
    if (status !== undefined && entries === undefined) {
      throw new Fault('PATH_OCCUPIED', { path, kind: status.kind });
    }
    const isOurs = content === 'ours';
    return {
      path,
      content,
      original:
        status === undefined
          ? null
          : {
              entries: isOurs ? [...(entries ?? [])] : [],
              mode: status.mode,
              uid: status.uid,
              gid: status.gid,
            },
      mounts: isOurs ? await mountsAt(host, path) : [],
    };
  },

  async apply({ host }, resource, { entries }) {
    if (entries === undefined) await host.files.makeDirectory(resource.path, resource.mode);
  },

  async undo({ host }, [first]) {
    return first.content === 'shared' ? undoShared(host, first) : undoOurs(host, first);
  },
});

async function mountsAt(host: Host, path: string): Promise<string[]> {
  const place = await host.files.resolve(path);
  const mounts = await host.mounts();
  return mounts.filter((mount) => isBelow(mount.path, place)).map((mount) => `${mount.path} ${mount.root}`);
}

async function undoShared(host: Host, { path, original }: Entry): Promise<UndoOutcome> {
  if (original !== null || (await host.files.status(path)) === undefined) return { outcome: 'unchanged' };
  if (await host.files.removeEmptyDirectory(path)) return { outcome: 'restored' };
  const names = (await host.files.list(path)) ?? [];
  return { outcome: 'kept', detail: `${path} holds what is not ours: ${names.slice(0, 5).join(', ')}` };
}

async function undoOurs(host: Host, { path, original, mounts }: Entry): Promise<UndoOutcome> {
  if ((await host.files.status(path)) === undefined) return { outcome: 'unchanged' };
  const place = await host.files.resolve(path);
  const isLink = place !== (await parentPlace(host, path));
  if (isLink && isBelow(path, lentFolder))
    return { outcome: 'kept', detail: `${path} is a link to ${place} now, where everything stays` };
  const stuck = await unmountBelow(host, place, (mount) => !mounts.includes(`${mount.path} ${mount.root}`));
  const left: string[] = [...stuck];
  if (original === null) {
    // Its owner may have moved it to another disk since, and left a link: that stays, with nothing behind it.
    left.push(...(await host.files.removeTree(place, { contentsOnly: isLink })));
  } else {
    // Programs set the mode of their own folder; /var/lib/containerd becomes 0700.
    const status = await host.files.status(place);
    if (status?.kind === 'directory' && status.mode !== original.mode)
      await host.files.setMode(place, original);
    // Through the folder that is opened once: whoever may write above it could put a link there meanwhile.
    if (status?.kind === 'directory')
      left.push(...(await host.files.removeTree(place, { contentsOnly: true, kept: original.entries })));
  }
  return left.length === 0 ? { outcome: 'restored' } : couldNotRemove(left);
}

/** Where the path would lie if it were no link itself. */
async function parentPlace(host: Host, path: string): Promise<string> {
  const parent = await host.files.resolve(dirname(path));
  return join(parent, basename(path));
}
