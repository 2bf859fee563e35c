// How a script's program runs: its error is one line on stderr and exit code 1; Ctrl-C (or SIGTERM, SIGHUP)
// ends the commands at work, so that what waits for them falls through its own clean-up, and exits with 130.

import { setTimeout as sleep } from 'node:timers/promises';
import { background } from '../../protocol/defect.ts';
import { Interrupted, interruptCommands } from './command.ts';

const cleanUpMs = 30_000;

export interface ProgramOptions {
  readonly name: string;
  /** What must be undone by hand when the program is interrupted; runs after its commands have been ended. */
  readonly onInterrupt?: () => void;
}

export async function runProgram(options: ProgramOptions, main: () => Promise<number>): Promise<void> {
  let interrupted = false;
  const finished = main().catch((error: unknown) => {
    if (!(interrupted || error instanceof Interrupted)) {
      process.stderr.write(`${options.name}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
    return 1;
  });
  const interrupt = async () => {
    if (interrupted) return;
    interrupted = true;
    process.stderr.write(`\n${options.name}: interrupted, cleaning up\n`);
    interruptCommands();
    options.onInterrupt?.();
    await Promise.race([finished, sleep(cleanUpMs)]);
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => background('interrupt', interrupt()));
  const exitCode = await finished;
  if (!interrupted) process.exitCode = exitCode;
}
