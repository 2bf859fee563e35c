// regnode's own memory, /var/lib/regnode: it appears in one move and it goes in one move. A folder
// that we made carries a mark; one that came with a package stays, empty. Whatever a crash leaves on
// the way is swept by the next run.
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { paths } from '../config/paths.ts';
import { hasCode, temporaryPath } from '../host/durable.ts';
import type { Host } from '../host/host.ts';

const mark = `${paths.state}/made-by-join`;
const meetings = 20;
const meetingPauseMs = 50;
const stagedPrefix = '/var/lib/.regnode.new';

/** Everything of ours in it; the journal last, since it knows what else there is to undo. */
const ours = [
  paths.reserve,
  paths.spool,
  paths.doctorRecord,
  paths.staging,
  paths.artifacts,
  paths.identity,
  paths.backups,
  paths.trust,
  paths.applied,
  paths.upgrade,
  paths.stateFile,
  paths.journal,
];

/** What a leave that was cut off in its last step had to leave now, too; undefined: there was none. */
export async function sweepStateFolder(host: Host): Promise<readonly string[] | undefined> {
  const wasLeaving = (await host.files.status(paths.stateRemoved)) !== undefined;
  const parent = dirname(stagedPrefix);
  for (const name of (await host.files.list(parent)) ?? []) {
    if (join(parent, name).startsWith(stagedPrefix)) await host.files.removeTree(join(parent, name));
  }
  const left = await host.files.removeTree(paths.stateRemoved);
  return wasLeaving ? left : undefined;
}

/** Two runs may begin in the same instant: whoever comes second takes the folder that the first has made. */
export async function ensureStateFolder(host: Host): Promise<void> {
  for (let attempt = 1; (await host.files.status(paths.state)) === undefined; attempt++) {
    try {
      await makeStateFolder(host);
    } catch (error) {
      if (attempt >= meetings || !hasCode(error, 'EEXIST', 'ENOTEMPTY', 'ENOENT')) throw error;
      await host.clock.sleep(meetingPauseMs * Math.random());
    }
  }
}

async function makeStateFolder(host: Host): Promise<void> {
  const staged = `${stagedPrefix}${randomBytes(6).toString('hex')}`;
  try {
    await host.files.makeDirectory(staged, 0o700);
    await host.files.write(`${staged}/${mark.slice(paths.state.length + 1)}`, '', { mode: 0o600 });
    await host.files.rename(staged, paths.state);
  } catch (error) {
    await host.files.removeTree(staged);
    throw error;
  }
}

/** Returns the paths that had to stay. */
export async function forgetState(host: Host): Promise<readonly string[]> {
  // A link there is its owner's, who has moved the folder to another disk: what lies
  // behind it goes piece by piece.
  const isFolder = (await host.files.status(paths.state))?.kind === 'directory';
  if (isFolder && (await host.files.status(mark)) !== undefined && (await setAside(host)))
    return host.files.removeTree(paths.stateRemoved);
  const left: string[] = [];
  for (const path of [...ours, mark]) {
    left.push(...(await host.files.removeTree(temporaryPath(path))));
    left.push(...(await host.files.removeTree(path)));
  }
  return left;
}

/**
 * False where the file system forbids it (chattr +i), where its owner has moved it to a disk that is mounted
 * there, or where what was set aside before stays.
 */
async function setAside(host: Host): Promise<boolean> {
  await host.files.removeTree(paths.stateRemoved);
  try {
    await host.files.rename(paths.state, paths.stateRemoved);
    return true;
  } catch (error) {
    if (hasCode(error, 'EPERM', 'EACCES', 'EBUSY', 'EXDEV', 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}
