// The end of every command: exit codes, and how a failure is told. Results go to stdout, everything else to stderr.
import { type Command, CommanderError } from 'commander';
import { outliveBrokenOutput } from '../../protocol/broken-output.ts';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { languageOf, say } from './language.ts';
import { printJson, printLines, tellProgress } from './output.ts';

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
  if (json) printJson({ error: { ...fault.toWire(), message, remedy } }, 0);
  tellProgress(`[fail] ${message}\n       ${remedy}`);
  if (fault.code === 'UNEXPECTED' && fault.cause instanceof Error) tellProgress(fault.cause.stack ?? '');
  return fault.exitCode;
}

export function tellDone(text: { en: string; zh: string }): void {
  tellProgress(`[ok] ${say(text)}`);
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.includes('--json');
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => printLines(text.trimEnd()),
    writeErr: (text) => tellProgress(text.trimEnd()),
  });
  for (const child of command.commands) throwInsteadOfExit(child);
}
