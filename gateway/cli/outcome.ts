// The end of every command: exit codes, and how a failure is told. Results go to stdout, everything else to stderr.
import { type Command, CommanderError } from 'commander';
import { outliveBrokenOutput } from '../../protocol/broken-output.ts';
import { Fault } from '../../protocol/fault.ts';
import { KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { languageOf, say } from './language.ts';

/** Parses and runs; never throws. The exit code is set, so output is not cut off. */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  throwInsteadOfExit(program);
  outliveBrokenOutput(process.stdout, process.stderr, languageOf());
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = tellFault(asFault(error), program.commands.length > 0 && wantsJson(argv));
  }
}

export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (error instanceof KubernetesFailure) {
    return new Fault(
      'KUBERNETES_REFUSED',
      { request: error.request, detail: error.message },
      { cause: error },
    );
  }
  return new Fault(
    'UNEXPECTED',
    { detail: error instanceof Error ? error.message : String(error) },
    { cause: error },
  );
}

/** Prints the fault to stderr (with --json as JSON to stdout too) and returns its exit code. */
export function tellFault(fault: Fault, json: boolean): number {
  const { message, remedy } = fault.explain(languageOf());
  if (json)
    process.stdout.write(`${JSON.stringify({ schema: 1, error: { ...fault.toWire(), message, remedy } })}\n`);
  process.stderr.write(`[fail] ${message}\n       ${remedy}\n`);
  if (fault.code === 'UNEXPECTED' && fault.cause instanceof Error)
    process.stderr.write(`${fault.cause.stack}\n`);
  return fault.exitCode;
}

export function tellDone(text: { en: string; zh: string }): void {
  process.stderr.write(`[ok] ${say(text)}\n`);
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.includes('--json');
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child);
}
