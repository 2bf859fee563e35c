// Takes a host back that was being added: its registration, and the machine. What of it there is not yet does
// not matter. The cluster and its other hosts go on.
import type { Sandbox } from './sandbox.ts';

export async function removeHost(sandbox: Sandbox, name: string): Promise<void> {
  // It may never have been registered, and a gateway that does not answer holds nothing up.
  await sandbox.cloud.regnodectl(['node', 'remove', name, '--force'], { timeoutMs: 60_000 });
  await sandbox.hosts.find((host) => host.name === name)?.remove();
}
