// regnode with the one command that systemd starts. A program of its own, because it runs for years: what
// join, preflight or doctor need is not in its memory.
import type { CliContext } from './context.ts';
import { runCommands } from './outcome.ts';
import { runCommand } from './run-command.ts';

export function runProgram(context: CliContext, args: readonly string[]): Promise<number> {
  return runCommands(context, args, () => [runCommand(context)]);
}
