// A command that has to succeed: anything else is the Fault COMMAND_FAILED with the last thing that it said,
// or what its disk refused, when it says so.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { diskFault, refusalIn } from '../host/disk-faults.ts';
import type { Host, RunOptions, RunResult } from '../host/host.ts';

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

/** A place that it names, when that is not where it was sent: /tmp, say. */
function elsewhere(text: string, path: string): string | undefined {
  const [, named] = /(\/[^\s:'"]+)['"]?: (?:no space|disk quota|read-only|input\/output)/i.exec(text) ?? [];
  return named?.startsWith(path) ? undefined : named;
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ').slice(-400);
}
