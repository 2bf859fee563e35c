// regnode's own memory, /var/lib/regnode: it appears in one move and it goes in one move. A folder that we made
// carries a mark; one that came with a package stays, empty. Whatever a crash leaves on the way is swept by the
// next run.
import { paths } from '../config/paths.ts';
import { temporaryPath } from '../host/durable.ts';
import type { Host } from '../host/host.ts';

const mark = `${paths.state}/made-by-join`;
const staged = '/var/lib/.regnode.new';

/** Everything of ours in it; the journal last, since it knows what else there is to undo. */
const ours = [
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

/** True when a leave was cut off in its last step, which is now done. */
export async function sweepStateFolder(host: Host): Promise<boolean> {
  const wasLeaving = (await host.files.status(paths.stateRemoved)) !== undefined;
  await host.files.removeTree(staged);
  await host.files.removeTree(paths.stateRemoved);
  return wasLeaving;
}

export async function ensureStateFolder(host: Host): Promise<void> {
  if ((await host.files.status(paths.state)) !== undefined) return;
  await host.files.removeTree(staged);
  await host.files.makeDirectory(staged, 0o700);
  await host.files.write(`${staged}/${mark.slice(paths.state.length + 1)}`, '', { mode: 0o600 });
  await host.files.rename(staged, paths.state);
}

export async function forgetState(host: Host): Promise<void> {
  if ((await host.files.status(mark)) !== undefined) {
    await host.files.removeTree(paths.stateRemoved);
    await host.files.rename(paths.state, paths.stateRemoved);
    await host.files.removeTree(paths.stateRemoved);
    return;
  }
  for (const path of ours) {
    await host.files.removeTree(temporaryPath(path));
    await host.files.removeTree(path);
  }
}
