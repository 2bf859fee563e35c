// The programs that a test run starts, with this terminal as theirs. When the run is told to stop, the one at
// work is told too, and nothing new is started; what it leaves behind is the teardown's business.
import { type ChildProcess, spawn } from 'node:child_process';

const running = new Set<ChildProcess>();
let stopped = false;

export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** True when the program ended with exit code 0. */
export async function succeeds(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  if (stopped) throw new Stopped();
  const child = spawn(command, [...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...environment },
  });
  running.add(child);
  const fine = await new Promise<boolean>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code === 0));
  }).finally(() => running.delete(child));
  if (stopped) throw new Stopped();
  return fine;
}

/** Ends what is running: asked first, made to after ten seconds. */
export function stopChildren(): void {
  stopped = true;
  for (const child of running) {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
  }
}
