// One run at a time. A command of a user waits until the daemon has ended its round, which is a matter of
// seconds; of two commands the second is told who is at work, and exits 4.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { ensureStateFolder } from './state-folder.ts';

export interface NodeLock {
  release(): Promise<void>;
}

export interface Patience {
  /** Called once, when the daemon is at work. */
  readonly onWait?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/** The command that the daemon locks as. */
export const daemonCommand = 'regnode run';
/** A round takes seconds; one that downloads takes longer, and is not waited for to its end. */
const longestWaitMs = 60_000;
const everyMs = 200;

/** Throws BUSY at once when anybody else is at work. */
export async function lockNode(host: Host, command: string): Promise<NodeLock> {
  await ensureStateFolder(host);
  const lock = await host.processes.lock(paths.lock, command);
  if ('release' in lock) return lock;
  throw new Fault('BUSY', { command: lock.holderCommand, pid: lock.holderPid });
}

/** Throws BUSY when another command is at work, or when the daemon is for more than a minute. */
export async function lockNodeFromDaemon(
  host: Host,
  command: string,
  { onWait, signal }: Patience,
): Promise<NodeLock> {
  const { clock } = host;
  const untilMs = clock.monotonicMs() + longestWaitMs;
  for (let isTold = false; ; ) {
    try {
      return await lockNode(host, command);
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'BUSY')) throw error;
      const isDaemon = error.values.command === daemonCommand;
      // Between taking the lock and writing its name there, and after giving it back, a holder has no name.
      const isNameless = error.values.pid === 0;
      if (!(isDaemon || isNameless) || clock.monotonicMs() >= untilMs) throw error;
      if (isDaemon && !isTold) onWait?.();
      isTold ||= isDaemon;
    }
    await clock.sleep(everyMs, signal);
  }
}
