// The commands of regnode, in the order in which --help lists them. Nothing here knows what a command does.
import { completionCommand } from '../../protocol/cli/completion.ts';
import { bugreportCommand } from './bugreport-command.ts';
import type { CliContext } from './context.ts';
import { doctorCommand } from './doctor-command.ts';
import { explainCommand } from './explain-command.ts';
import { joinCommand } from './join-command.ts';
import { leaveCommand } from './leave-command.ts';
import { netcheckCommand } from './netcheck-command.ts';
import { type CommandsOf, runCommands } from './outcome.ts';
import { planCommand } from './plan-command.ts';
import { preflightCommand } from './preflight-command.ts';
import { runCommand } from './run-command.ts';
import { statusCommand } from './status-command.ts';
import { versionCommand } from './version-command.ts';

export const commandsOf: CommandsOf = (context, exit, program) => [
  preflightCommand(context, exit),
  joinCommand(context),
  statusCommand(context, exit),
  netcheckCommand(context, exit),
  doctorCommand(context, exit),
  bugreportCommand(context),
  planCommand(context),
  leaveCommand(context),
  explainCommand(context),
  runCommand(context),
  versionCommand(context),
  completionCommand(program, context.stdout),
];

/** Parses and runs; never throws. Returns the exit code. */
export function runProgram(context: CliContext, args: readonly string[]): Promise<number> {
  return runCommands(context, args, commandsOf);
}
