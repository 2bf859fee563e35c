// Runs commands on the machine that the scripts work on. Arguments are arrays, never a shell
// string; a command that fails throws a CommandError with the end of what it printed, unless the
// caller asked for the result. Children end with this process (execa's cleanup), so Ctrl-C during a
// build leaves no compiler behind.
import { createInterface } from 'node:readline';
import { execa } from 'execa';

/** A line that a running command printed. */
export type LineListener = (line: string, stream: 'stdout' | 'stderr') => void;

export interface CommandOptions {
  readonly timeoutMs?: number;
  readonly input?: string;
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Only `environment`, nothing of this process's own. */
  readonly cleanEnvironment?: boolean;
  readonly signal?: AbortSignal;
  /** Return a non-zero result instead of throwing. */
  readonly allowFailure?: boolean;
  /** Only the end of the output is kept; default 16 MiB. */
  readonly outputLimitBytes?: number;
  /** Called with each line as it comes, besides what is returned. */
  readonly onLine?: LineListener;
}

export interface CommandResult {
  /** null when the command could not be started, was ended by a signal, or ran out of time. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly result: CommandResult;

  constructor(command: string, args: readonly string[], result: CommandResult) {
    const how = result.timedOut ? 'ran out of time' : `exit code ${result.exitCode ?? 'none'}`;
    const said = lastLines(result.stderr.trim() || result.stdout.trim(), 12);
    super(`${[command, ...args].join(' ').slice(0, 300)}: ${how}${said ? `\n${said}` : ''}`);
    this.result = result;
  }
}

export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

const running = new Set<{ kill(signal: NodeJS.Signals): boolean }>();
let interrupted = false;

/**
 * For Ctrl-C: ends what runs and lets nothing new begin, so that whatever waits for a command falls through.
 */
export function interruptCommands(): void {
  interrupted = true;
  for (const child of running) child.kill('SIGTERM');
}

export async function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  if (interrupted) throw new Interrupted();
  const child = execa(command, [...args], {
    reject: false,
    stripFinalNewline: false,
    // An open standard input would make some tools wait for it, and others read the user's keyboard.
    input: options.input ?? '',
    timeout: options.timeoutMs ?? 0,
    forceKillAfterDelay: 2000,
    extendEnv: options.cleanEnvironment !== true,
    maxBuffer: options.outputLimitBytes ?? 16 * 1024 * 1024,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.environment === undefined ? {} : { env: { ...options.environment } }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  running.add(child);
  const { onLine } = options;
  if (onLine !== undefined) {
    for (const stream of ['stdout', 'stderr'] as const) {
      createInterface({ input: child[stream] }).on('line', (line) => onLine(line, stream));
    }
  }
  const outcome = await child.finally(() => running.delete(child));
  if (interrupted) throw new Interrupted();
  const result: CommandResult = {
    exitCode: outcome.exitCode ?? null,
    stdout: outcome.stdout,
    stderr: outcome.stderr || (outcome.exitCode === undefined ? (outcome.shortMessage ?? '') : ''),
    timedOut: outcome.timedOut,
  };
  if (result.exitCode !== 0 && options.allowFailure !== true) throw new CommandError(command, args, result);
  return result;
}

/** The trimmed standard output of a command that must succeed. */
export async function output(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return (await run(command, args, options)).stdout.trim();
}

function lastLines(text: string, count: number): string {
  return text.split('\n').slice(-count).join('\n');
}
