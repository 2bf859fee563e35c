// How a command of any of our programs ends: an exit code, and a failure told in one line with its remedy.
// Exit code 2 is a command line that nobody understands; every other failure has the exit code of its fault.
// The parser prints through the given streams too, and never ends the process by itself.
import { type Command, CommanderError } from 'commander';
import { Fault } from '../catalogue/fault.ts';
import { printableLines } from '../printable.ts';
import type { Output, Terminal } from './terminal.ts';

export interface Ending {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Where a failure is told; asked for only then. */
  readonly terminal: () => Terminal;
  /** Aborted by Ctrl-C: whatever is thrown after that is an interruption. */
  readonly signal?: AbortSignal;
  /** The fault that an error of the program's own stands for. */
  readonly faultOf?: (error: unknown) => Fault | undefined;
}

/**
 * Parses and runs `args`, which have no program's name; never throws. Returns the
 * exit code of a failure, or 0.
 */
export async function runToItsEnd(
  program: Command,
  args: readonly string[],
  ending: Ending,
): Promise<number> {
  throwInsteadOfExit(program, ending);
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const terminal = ending.terminal();
    if (ending.signal?.aborted) {
      terminal.progress('fail', terminal.say({ en: 'interrupted', zh: '已中断' }));
      return 1;
    }
    const fault = ending.faultOf?.(error) ?? asFault(error);
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

function throwInsteadOfExit(command: Command, streams: Pick<Ending, 'stdout' | 'stderr'>): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => streams.stdout.write(printableLines(text)),
    writeErr: (text) => streams.stderr.write(printableLines(text)),
  });
  for (const child of command.commands) throwInsteadOfExit(child, streams);
}
