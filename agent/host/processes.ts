// Child processes: an array of arguments, a time limit, an output limit, and no shell. Whatever a
// command does is a result; only a broken call of ours throws. The locale is always C, because output
// is parsed. By hand and not by a library: the daemon starts one command every ten seconds, and would
// carry seven megabytes for it.
import { type ChildProcess, spawn } from 'node:child_process';
import type { HostProcesses, RunOptions, RunResult } from './host.ts';
import { takeLock } from './lock.ts';

const defaultTimeoutMs = 30_000;
const defaultOutputLimitBytes = 1024 * 1024;
const absent = new Set(['ENOENT', 'EACCES', 'ENOTDIR']);

export const systemProcesses: HostProcesses = {
  run: runCommand,
  lock: takeLock,
  uid: process.getuid?.() ?? -1,
  pid: process.pid,
};

function runCommand(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = spawn(command, [...args], {
    env: { ...process.env, LC_ALL: 'C', ...options.environment },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let timedOut = false;
  const limitBytes = options.outputLimitBytes ?? defaultOutputLimitBytes;
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) =>
    options.keepsEnd ? collectEnd(stream, limitBytes) : collect(stream, limitBytes, () => end(child)),
  );
  const timer = setTimeout(() => {
    timedOut = true;
    end(child);
  }, options.timeoutMs ?? defaultTimeoutMs);
  const abort = () => end(child);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted) abort();
  // A command may end before it has read.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  return new Promise<RunResult>((resolve, reject) => {
    const settle = (exitCode: number | null, outcome: RunResult['outcome']) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      resolve({
        exitCode,
        outcome,
        stdout: stdout?.text() ?? '',
        stderr: stderr?.text() ?? '',
        truncated: (stdout?.isCut() ?? false) || (stderr?.isCut() ?? false),
      });
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      if (absent.has(error.code ?? '')) settle(null, 'not-found');
      else {
        clearTimeout(timer);
        reject(error);
      }
    });
    child.once('close', (code) => {
      if (child.pid === undefined) return;
      const wasKilled = timedOut || code === null;
      settle(wasKilled ? null : code, timedOut ? 'timed-out' : wasKilled ? 'signalled' : 'exited');
    });
  });
}

/** What it started itself may hold its output open: that is not waited for. */
function end(child: ChildProcess): void {
  child.kill('SIGKILL');
  child.stdout?.destroy();
  child.stderr?.destroy();
}

/** Of a line that began before what is kept, nothing is: a secret in it would not be known for one. */
function collectEnd(stream: NodeJS.ReadableStream | null, limitBytes: number) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isCut = false;
  stream?.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    while (bytes > limitBytes) {
      isCut = true;
      bytes -= chunks.shift()?.byteLength ?? 0;
    }
  });
  const kept = () => Buffer.concat(chunks);
  return {
    text: () => (isCut ? kept().subarray(kept().indexOf('\n') + 1) : kept()).toString('utf8'),
    isCut: () => isCut,
  };
}

function collect(stream: NodeJS.ReadableStream | null, limitBytes: number, overLimit: () => void) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    if (bytes < limitBytes) chunks.push(chunk.subarray(0, limitBytes - bytes));
    bytes += chunk.byteLength;
    if (bytes > limitBytes) overLimit();
  });
  return {
    text: () => Buffer.concat(chunks).toString('utf8'),
    isCut: () => bytes > limitBytes,
  };
}
