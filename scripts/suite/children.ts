// The programs that a test run starts, with this terminal as theirs. When the run is told to stop, the one at
// work is told too, and nothing new is started; what it leaves behind is the teardown's business.
import { type ChildProcess, spawn } from 'node:child_process';
import { Interrupted } from '../machine/command.ts';

const running = new Set<ChildProcess>();
let stopped = false;

/** True when the program ended with exit code 0. */
export async function succeeds(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  if (stopped) throw new Interrupted();
  const child = start(command, args, environment);
  running.add(child);
  const fine = await ended(child).finally(() => running.delete(child));
  if (stopped) throw new Interrupted();
  return fine;
}

/**
 * For what must be done at the end, also of a run that was told to stop; in a session of its own, so
 * that Ctrl-C doesn't reach it.
 */
export function runAnyway(command: string, args: readonly string[]): Promise<boolean> {
  return ended(start(command, args, {}, true));
}

/** Ends what is running: asked first, made to after ten seconds. */
export function stopChildren(): void {
  stopped = true;
  for (const child of running) {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
  }
}

function start(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  detached = false,
): ChildProcess {
  return spawn(command, [...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...plain(), ...process.env, ...environment },
    detached,
  });
}

/** Colours are for a terminal; a log keeps them as rubbish. */
function plain(): Record<string, string> {
  return process.stdout.isTTY === true || process.env.FORCE_COLOR !== undefined ? {} : { NO_COLOR: '1' };
}

function ended(child: ChildProcess): Promise<boolean> {
  return new Promise<boolean>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0));
  });
}
