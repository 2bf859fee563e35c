// One run at a time. The second is told who is at work, and exits 4.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { ensureStateFolder } from './state-folder.ts';

export interface NodeLock {
  release(): Promise<void>;
}

export async function lockNode(host: Host, command: string): Promise<NodeLock> {
  await ensureStateFolder(host);
  const lock = await host.processes.lock(paths.lock, command);
  if ('release' in lock) return lock;
  throw new Fault('BUSY', { command: lock.holderCommand, pid: lock.holderPid });
}
