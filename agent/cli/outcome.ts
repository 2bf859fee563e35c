// How every command of regnode ends: the exit code, and a failure told in one line with its remedy. Knows no command.
import { Command, CommanderError, Option } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { printableLines } from '../../protocol/printable.ts';
import { agentVersion } from '../version.ts';
import { type CliContext, terminalOf } from './context.ts';

type Exit = (code: number) => void;

/** Parses and runs; never throws. Returns the exit code. */
export async function runCommands(
  context: CliContext,
  args: readonly string[],
  commandsOf: (context: CliContext, exit: Exit, program: Command) => readonly Command[],
): Promise<number> {
  let exitCode = 0;
  const program = new Command('regnode')
    .description('Turns this host into a registered node of a Kubernetes cluster in the cloud')
    .version(agentVersion, '-V, --version')
    .addOption(new Option('--language <language>', 'en or zh').choices(['en', 'zh']))
    .showHelpAfterError('(see --help)');
  const exit: Exit = (code) => {
    exitCode = code;
  };
  for (const command of commandsOf(context, exit, program)) program.addCommand(command);
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({
      writeOut: (text) => context.stdout.write(printableLines(text)),
      writeErr: (text) => context.stderr.write(printableLines(text)),
    });
  }
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

function asFault(error: unknown): Fault {
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
