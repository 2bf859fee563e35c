// The commands of regnode, and how every one of them ends: the exit code, and a failure told in one line with its
// remedy. Nothing here knows what a command does.
import { Command, CommanderError, Option } from 'commander';
import { Fault } from '../../protocol/fault.ts';
import { agentVersion } from '../version.ts';
import { bugreportCommand } from './bugreport-command.ts';
import { completionCommand } from './completion-command.ts';
import { type CliContext, terminalOf } from './context.ts';
import { doctorCommand } from './doctor-command.ts';
import { explainCommand } from './explain-command.ts';
import { joinCommand } from './join-command.ts';
import { leaveCommand } from './leave-command.ts';
import { netcheckCommand } from './netcheck-command.ts';
import { planCommand } from './plan-command.ts';
import { preflightCommand } from './preflight-command.ts';
import { runCommand } from './run-command.ts';
import { statusCommand } from './status-command.ts';
import { versionCommand } from './version-command.ts';

/** Parses and runs; never throws. Returns the exit code. */
export async function runProgram(context: CliContext, args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = createProgram(context, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const terminal = terminalOf(context, flagsIn(args));
    if (context.signal.aborted) {
      terminal.progress('fail', terminal.say({ en: 'interrupted', zh: '已中断' }));
      return 1;
    }
    const fault = asFault(error);
    terminal.fault(fault);
    if (fault.code === 'UNEXPECTED' && error instanceof Error) terminal.note(String(error.stack));
    return fault.exitCode;
  }
}

export function createProgram(context: CliContext, exit: (code: number) => void): Command {
  const program = new Command('regnode')
    .description('Turns this host into a registered node of a Kubernetes cluster in the cloud')
    .version(agentVersion, '-V, --version')
    .addOption(new Option('--language <language>', 'en or zh').choices(['en', 'zh']))
    .showHelpAfterError('(see --help)')
    .addCommand(preflightCommand(context, exit))
    .addCommand(joinCommand(context))
    .addCommand(statusCommand(context, exit))
    .addCommand(netcheckCommand(context, exit))
    .addCommand(doctorCommand(context, exit))
    .addCommand(bugreportCommand(context))
    .addCommand(planCommand(context))
    .addCommand(leaveCommand(context))
    .addCommand(explainCommand(context))
    .addCommand(runCommand(context))
    .addCommand(versionCommand(context));
  program.addCommand(completionCommand(context, program));
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    });
  }
  return program;
}

export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Fault('UNEXPECTED', { detail }, { cause: error });
}

/** For telling a failure of the command line itself, which no parser has understood. */
function flagsIn(args: readonly string[]): { json: boolean; language?: string } {
  const at = args.indexOf('--language');
  const language = args[at + 1];
  return { json: args.includes('--json'), ...(at >= 0 && language !== undefined ? { language } : {}) };
}
