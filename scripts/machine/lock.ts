// A lock between processes that lives exactly as long as its holder. flock(1) holds it in a child whose
// standard input is a pipe from us: when this process ends, in whatever way, the pipe closes, the child ends
// and the kernel drops the lock. So there is no stale lock to clean up. The child is its own session, so that
// Ctrl-C doesn't take the lock away while the holder still cleans up.
import { spawn } from 'node:child_process';
import { chmod, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

export interface Lock {
  release(): Promise<void>;
}

/**
 * Waits for the lock on a file, which is made, or on a folder that is there; `onWait` is called
 * once when somebody else has it.
 */
export async function acquireLock(path: string, onWait: () => void = () => undefined): Promise<Lock> {
  await mkdir(dirname(path), { recursive: true });
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder) {
    // Whoever may read the file may lock it.
    await (await open(path, 'a', 0o600)).close();
    await chmod(path, 0o600);
  }
  const child = spawn('flock', [path, 'sh', '-c', 'echo locked; cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const waiting = setTimeout(onWait, 500);
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (cause) => reject(new Error(`flock could not be started for ${path}`, { cause })));
      child.once('close', (code) => reject(new Error(`flock ${path}: exit code ${code ?? 'none'}`)));
      createInterface({ input: child.stdout }).once('line', () => resolve());
    });
  } finally {
    clearTimeout(waiting);
  }
  // The lock must not keep a finished program alive.
  child.unref();
  return {
    async release() {
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}
