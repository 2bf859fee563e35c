// A command that has to succeed: anything else is the Fault COMMAND_FAILED with the last thing that it said,
// or what its disk refused, when it says so. And one that only looks, where nothing to be seen is an answer.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { diskFault, refusalIn } from '../host/disk-faults.ts';
import type { Host, RunOptions, RunResult } from '../host/host.ts';
import { inOneLine } from './last-words.ts';

export interface MustRunOptions extends RunOptions {
  /** Where it writes, and about how much. */
  readonly fills?: { readonly path: string; readonly bytes: number };
}

export async function mustRun(
  host: Host,
  command: string,
  args: readonly string[],
  options?: MustRunOptions,
): Promise<RunResult> {
  const result = await host.processes.run(command, args, options);
  if (result.exitCode === 0) return result;
  options?.signal?.throwIfAborted();
  const refusal = refusalIn(result.stderr);
  if (refusal !== undefined && options?.fills !== undefined) {
    const { path, bytes } = options.fills;
    const cause = new Error(lastLines(result.stderr));
    throw await diskFault(host.files, refusal, elsewhere(result.stderr, path) ?? path, bytes, cause);
  }
  throw new Fault('COMMAND_FAILED', {
    command: [command, ...args].join(' '),
    outcome: result.outcome === 'exited' ? `exit code ${result.exitCode}` : result.outcome,
    detail: lastLines(result.stderr || result.stdout),
  });
}

const looksLimitBytes = 64 * 1024 * 1024;

/**
 * What a command that only looks says; nothing when it is not there or fails. One that says too much, or is
 * not done in time, has not said "nothing": COMMAND_FAILED.
 */
export async function saidBy(host: Host, command: string, args: readonly string[]): Promise<string> {
  const result = await host.processes.run(command, args, { outputLimitBytes: looksLimitBytes });
  if (result.exitCode === 0 && !result.truncated) return result.stdout;
  if (!result.truncated && result.outcome !== 'timed-out') return '';
  throw new Fault('COMMAND_FAILED', {
    command: [command, ...args].join(' '),
    outcome: result.truncated ? 'too much output' : result.outcome,
    detail: `more than ${looksLimitBytes / 1024 / 1024} MiB, or not in time`,
  });
}

/** A place that it names, when that is not where it was sent: /tmp, say. */
function elsewhere(text: string, path: string): string | undefined {
  const [, named] = /(\/[^\s:'"]+)['"]?: (?:no space|disk quota|read-only|input\/output)/i.exec(text) ?? [];
  return named?.startsWith(path) ? undefined : named;
}

function lastLines(text: string): string {
  return inOneLine(text.trim().split('\n').slice(-3).join('\n'), 400);
}
