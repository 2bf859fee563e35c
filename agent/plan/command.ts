// A command that has to succeed: anything else is the Fault COMMAND_FAILED with the last thing that it said.
import { Fault } from '../../protocol/fault.ts';
import type { Host, RunOptions, RunResult } from '../host/host.ts';

export async function mustRun(
  host: Host,
  command: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<RunResult> {
  const result = await host.processes.run(command, args, options);
  if (result.exitCode === 0) return result;
  options?.signal?.throwIfAborted();
  if (/No space left on device|Disk quota exceeded/.test(result.stderr)) {
    throw new Fault('NO_SPACE', { path: args.at(-1) ?? command, freeMiB: 0, neededMiB: '?' });
  }
  throw new Fault('COMMAND_FAILED', {
    command: [command, ...args].join(' '),
    outcome: result.outcome === 'exited' ? `exit code ${result.exitCode}` : result.outcome,
    detail: lastLines(result.stderr || result.stdout),
  });
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ').slice(-400);
}
