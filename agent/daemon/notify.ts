// What systemd is told: ready, a line of status, and that we live. The message goes out of this very process
// (kernel-calls.c): systemd 219 looks up the sender's cgroup when it reads a message, and drops one whose
// sender is gone by then, as the systemd-notify program always was: 119 of 150 were lost, and its watchdog
// ended a healthy agent. Every message says everything again, and one that systemd has no room for is tried
// again; it never waits in the kernel.
import type { Logger } from 'pino';
import { errorName, type KernelCalls, kernelCalls, tryAgain } from '../host/kernel-calls.ts';

export interface SystemdNotifier {
  /** Ready, alive, and in which state. */
  alive(status: string): Promise<void>;
  stopping(): Promise<void>;
  /** How often `alive` has to be said; a third of what systemd waits. undefined: no watchdog. */
  readonly intervalMs: number | undefined;
}

export interface NotifierOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Pick<Logger, 'error'>;
  /** undefined: a program that was not built has no way to tell systemd anything. */
  readonly calls?: Pick<KernelCalls, 'sendDatagram'> | undefined;
  readonly wait: (milliseconds: number) => Promise<unknown>;
}

const pausesMs = [20, 100, 500, 2000];
const statusLimit = 512;

export function createNotifier({
  environment,
  logger,
  calls = kernelCalls(),
  wait,
}: NotifierOptions): SystemdNotifier {
  const socket = environment.NOTIFY_SOCKET;
  const watchdogUs = Number(environment.WATCHDOG_USEC ?? '');
  let isTold = false;
  const failed = (reason: string) => {
    if (!isTold) logger.error({ socket, reason }, 'systemd cannot be told that the agent runs');
    isTold = true;
  };
  const send = async (lines: readonly string[]) => {
    if (socket === undefined) return;
    if (calls === undefined) return failed('this program was started without its addon kernel-calls.node');
    for (const pauseMs of [...pausesMs, undefined]) {
      const failure = calls.sendDatagram(socket, lines.join('\n'));
      if (failure === 0) {
        isTold = false;
        return;
      }
      if (failure !== tryAgain || pauseMs === undefined) return failed(errorName(failure));
      await wait(pauseMs);
    }
  };
  return {
    alive: (status) => send(['READY=1', `STATUS=${oneLine(status)}`, 'WATCHDOG=1']),
    stopping: () => send(['STOPPING=1', 'STATUS=stopping']),
    intervalMs: socket !== undefined && watchdogUs > 0 ? watchdogUs / 3000 : undefined,
  };
}

/** A line break would begin another assignment. */
function oneLine(status: string): string {
  return status.replaceAll(/\p{Cc}+/gu, ' ').slice(0, statusLimit);
}
