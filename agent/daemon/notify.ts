// What systemd is told: ready, a line of status, and that we live. Node has no unix datagram sockets, so each
// message is one run of systemd-notify. On systemd 219 such a message can be lost when its sender is gone
// before systemd looks at it, so every one says everything again.
import type { Host } from '../host/host.ts';

export interface SystemdNotifier {
  /** Ready, alive, and in which state. */
  alive(status: string): Promise<void>;
  stopping(): Promise<void>;
  /** How often `alive` has to be said; a third of what systemd waits. undefined: no watchdog. */
  readonly intervalMs: number | undefined;
}

const timeoutMs = 5000;

export function createNotifier(
  host: Host,
  environment: Readonly<Record<string, string | undefined>>,
): SystemdNotifier {
  const socket = environment.NOTIFY_SOCKET;
  const watchdogUs = Number(environment.WATCHDOG_USEC ?? '');
  const send = async (args: readonly string[]) => {
    if (socket === undefined) return;
    await host.processes.run('systemd-notify', args, { timeoutMs, environment: { NOTIFY_SOCKET: socket } });
  };
  return {
    alive: (status) => send(['--ready', `--status=${status}`, 'WATCHDOG=1']),
    stopping: () => send(['STOPPING=1', '--status=stopping']),
    intervalMs: socket !== undefined && watchdogUs > 0 ? watchdogUs / 3000 : undefined,
  };
}
