// Child processes: an array of arguments, a time limit, an output limit, and no shell. Whatever a command does
// is a result; only a broken call of ours throws. The locale is always C, because output is parsed.
import { execa } from 'execa';
import type { HostProcesses, RunOptions, RunResult } from './host.ts';
import { takeLock } from './lock.ts';

const defaultTimeoutMs = 30_000;
const defaultOutputLimitBytes = 1024 * 1024;

export const systemProcesses: HostProcesses = {
  run: runCommand,
  lock: takeLock,
  uid: process.getuid?.() ?? -1,
  pid: process.pid,
};

async function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await execa(command, args, {
    reject: false,
    stripFinalNewline: false,
    timeout: options.timeoutMs ?? defaultTimeoutMs,
    maxBuffer: options.outputLimitBytes ?? defaultOutputLimitBytes,
    killSignal: 'SIGKILL',
    env: { LC_ALL: 'C', ...options.environment },
    ...(options.signal ? { cancelSignal: options.signal } : {}),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
  });
  return {
    exitCode: result.exitCode ?? null,
    outcome: outcomeOf(result),
    stdout: String(result.stdout ?? ''),
    stderr: String(result.stderr ?? ''),
    truncated: result.isMaxBuffer,
  };
}

function outcomeOf(result: { exitCode?: number; timedOut: boolean; code?: string }): RunResult['outcome'] {
  if (result.timedOut) return 'timed-out';
  if (result.exitCode !== undefined) return 'exited';
  if (result.code === 'ENOENT' || result.code === 'EACCES') return 'not-found';
  return 'signalled';
}
