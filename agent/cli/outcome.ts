// The program `regnode`: its own flags, its name and version, and how it ends. Knows no command.
import { Command, Option } from 'commander';
import { runToItsEnd } from '../../protocol/cli/outcome.ts';
import { agentVersion } from '../version.ts';
import { type CliContext, terminalOf } from './context.ts';

type Exit = (code: number) => void;

export type CommandsOf = (context: CliContext, exit: Exit, program: Command) => readonly Command[];

/** The program, which does nothing until it is given arguments. */
export function programOf(context: CliContext, exit: Exit, commandsOf: CommandsOf): Command {
  const program = new Command('regnode')
    .description('Turns this host into a registered node of a Kubernetes cluster in the cloud')
    .version(agentVersion, '-V, --version')
    .addOption(new Option('--language <language>', 'en or zh').choices(['en', 'zh']))
    .showHelpAfterError('(see --help)');
  for (const command of commandsOf(context, exit, program)) program.addCommand(command);
  return program;
}

/** Parses and runs; never throws. Returns the exit code. */
export async function runCommands(
  context: CliContext,
  args: readonly string[],
  commandsOf: CommandsOf,
): Promise<number> {
  let exitCode = 0;
  const exit: Exit = (code) => {
    exitCode = code;
  };
  const program = programOf(context, exit, commandsOf);
  const { stdout, stderr, signal } = context;
  const terminal = () => terminalOf(context, flagsIn(args));
  const failed = await runToItsEnd(program, args, { stdout, stderr, signal, terminal });
  return failed === 0 ? exitCode : failed;
}

/** For telling a failure of the command line itself, which no parser has understood. */
function flagsIn(args: readonly string[]): { json: boolean; language?: string } {
  const at = args.indexOf('--language');
  const language = args[at + 1];
  return { json: args.includes('--json'), ...(at >= 0 && language !== undefined ? { language } : {}) };
}
