// A folder. One of `ours` is emptied of whatever appeared in it since (mounts are taken down first, deepest
// first, and removal never enters one that stayed); a `shared` one goes only when we made it and it is empty.
// A folder that is there already is left with the mode that it has. A link in its place is followed, but not
// where others than root may put one: there even to ask where it leads may end in a loop, or never.
import { basename, dirname, join } from 'node:path';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { hasCode } from '../../host/durable.ts';
import type { FileStatus, Host, MountPoint } from '../../host/host.ts';
import { isBelow } from '../../host/mounts.ts';
import { couldNotRemove, defineKind, right, skipped, type UndoOutcome, wrong } from '../kind.ts';
import { type DirectoryEntry, directoryEntrySchema, readMark } from '../mark.ts';
import { unmountBelow } from '../unmount.ts';

/** Pods that collect logs may write in it, and the syslog of some hosts: a link there may lead anywhere. */
const isLent = (path: string) => path.startsWith('/var/log/');

export const directoryKind = defineKind<'directory', FileStatus | undefined, DirectoryEntry>({
  kind: 'directory',
  identify: (resource) => `directory:${resource.path}`,
  title: (resource) => `make the folder ${resource.path}`,

  async observe(host, { path }) {
    // A link to a folder serves: hosts put /opt or /var/lib/containerd on another disk that way. What is
    // looked at, noted and emptied is the folder behind it; the link itself is its owner's.
    return host.files.status(await placeOf(host, path));
  },

  compare({ path, content }, status, journaled) {
    if (status === undefined) return wrong('absent');
    // Whoever put it there since may do so again: what else is to be done on the host is not held up by it.
    if (isLent(path) && journaled && status.kind !== 'directory')
      return skipped(`a ${status.kind} stands there, and stays`);
    if (!isFolder(path, status)) return wrong(`a ${status.kind} stands there`);
    return content === 'shared' || journaled ? right : wrong('there: what it holds is noted and stays');
  },

  entrySchema: directoryEntrySchema,
  async record({ host }, { path, content, mode }, status) {
    const isOurs = content === 'ours';
    const mounts = isOurs ? await mountsAt(host, path) : [];
    if (status === undefined) return { path, content, original: null, mounts };
    if (!isFolder(path, status)) throw new Fault('PATH_OCCUPIED', { path, kind: status.kind });
    const isLink = status.kind === 'link';
    return {
      path,
      content,
      original: {
        entries: isOurs && !isLink ? [...((await host.files.list(path)) ?? [])] : [],
        mode: isLink ? mode : status.mode,
        uid: status.uid,
        gid: status.gid,
      },
      mounts,
    };
  },

  async apply({ host }, resource, status) {
    if (status !== undefined) return;
    await host.files.makeDirectory(resource.path, resource.mode).catch((error: unknown) => {
      // Whoever took it away again, or put something in its place, in the same
      // moment: the next look sees what.
      if (!isLent(resource.path) || !hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EEXIST')) throw error;
    });
  },

  async undo({ host }, [first]) {
    return first.content === 'shared' ? undoShared(host, first) : undoOurs(host, first);
  },
});

/** Or, where others may write, a link of its owner's to one: where it leads is not looked at. */
function isFolder(path: string, { kind }: FileStatus): boolean {
  return kind === 'directory' || (kind === 'link' && isLent(path));
}

async function placeOf(host: Host, path: string): Promise<string> {
  return isLent(path) ? besideLinks(host, path) : host.files.resolve(path);
}

async function mountsAt(host: Host, path: string): Promise<string[]> {
  const place = await placeOf(host, path);
  const mounts = await host.mounts();
  return mounts.filter((mount) => isBelow(mount.path, place)).map((mount) => `${mount.path} ${mount.root}`);
}

async function undoShared(host: Host, { path, original }: DirectoryEntry): Promise<UndoOutcome> {
  if (original !== null || (await host.files.status(path)) === undefined) return { outcome: 'unchanged' };
  if (await host.files.removeEmptyDirectory(path)) return { outcome: 'restored' };
  const names = (await host.files.list(path)) ?? [];
  return { outcome: 'kept', detail: `${path} holds what is not ours: ${names.slice(0, 5).join(', ')}` };
}

async function undoOurs(host: Host, { path, original, mounts }: DirectoryEntry): Promise<UndoOutcome> {
  const status = await host.files.status(path);
  if (status === undefined) return { outcome: 'unchanged' };
  if (isLent(path) && (status.kind === 'link' || (status.kind !== 'directory' && original !== null)))
    return { outcome: 'kept', detail: nowThere(path, status) };
  const place = await placeOf(host, path);
  const isLink = place !== (await besideLinks(host, path));
  // Its owner may have moved it to another disk since, and left a link, or mounted that here: both stay, with
  // nothing behind them. Anything else that is mounted over it is not ours, and is only taken down.
  const isMoved = (await readMark(host, place)).some((entry) => entry.path === path);
  const isOwners = (mount: MountPoint) =>
    (isMoved && mount.path === place) || mounts.includes(`${mount.path} ${mount.root}`);
  const left: string[] = await unmountBelow(host, place, (mount) => !isOwners(mount));
  // Somebody else's that would not go: what is seen here is his.
  if (left.includes(place)) return couldNotRemove(left);
  if (original === null) {
    const isMount = (await host.mounts()).some((mount) => mount.path === place);
    left.push(...(await host.files.removeTree(place, { contentsOnly: isLink || isMount })));
  } else {
    // Programs set the mode of their own folder; /var/lib/containerd becomes 0700.
    const behind = await host.files.status(place);
    if (behind?.kind === 'directory' && behind.mode !== original.mode)
      await host.files.setMode(place, original);
    // Through the folder that is opened once: whoever may write above it could put a link there meanwhile.
    if (behind?.kind === 'directory')
      left.push(...(await host.files.removeTree(place, { contentsOnly: true, kept: original.entries })));
  }
  return left.length === 0 ? { outcome: 'restored' } : couldNotRemove(left);
}

function nowThere(path: string, { kind, target }: FileStatus): string {
  return kind === 'link'
    ? `${path} is a link to ${target} now, where everything stays`
    : `a ${kind} stands at ${path} now, and stays`;
}

/** Where the path would lie if it were no link itself. */
async function besideLinks(host: Host, path: string): Promise<string> {
  const parent = await host.files.resolve(dirname(path));
  return join(parent, basename(path));
}
