// A lock that survives nothing but a live process: the kernel's flock, held by a child (flock(1) around cat)
// whose standard input is a pipe from us. When this process ends, however it ends, the pipe closes, cat ends,
// and the kernel gives the lock back. Who holds it is written into the lock file, to be named to the next
// one. The file is nobody else's to open: whoever may read it may lock it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, open, readFile, stat, unlink } from 'node:fs/promises';
import { hasCode, writeInPlace } from './durable.ts';

export interface LockHolder {
  readonly holderPid: number;
  readonly holderCommand: string;
}
export interface HeldLock {
  release(): Promise<void>;
}

const busyExitCode = 75;
/** A holder that was just killed needs a moment until its child has seen it. */
const waitSeconds = '1';

export async function takeLock(path: string, command: string): Promise<HeldLock | LockHolder> {
  for (;;) {
    // One that an earlier release left.
    await chmod(path, 0o600).catch(ignoreAbsence);
    const child = startFlock(path);
    if (!(await isHeld(child, path))) return readHolder(path);
    if (await holdsFileAt(child, path)) {
      // On a full disk the lock has no name; it is held all the same.
      await writeInPlace(path, `${process.pid} ${command}\n`).catch((error: unknown) => {
        if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw error;
      });
      return { release: () => release(child, path) };
    }
    await end(child); // the holder before us removed the file that we waited for: once more
  }
}

/** It makes the file where there is none. */
function startFlock(path: string): ChildProcess {
  const umask = process.umask(0o077);
  try {
    return spawn('flock', ['-w', waitSeconds, '-E', String(busyExitCode), path, 'cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    });
  } finally {
    process.umask(umask);
  }
}

/** True once cat echoes: then flock has the lock. False when flock gave up. */
async function isHeld(child: ChildProcess, path: string): Promise<boolean> {
  const answer = Promise.race([
    once(child.stdout as NodeJS.ReadableStream, 'data').then(() => 'held' as const),
    once(child, 'exit').then(([code]: unknown[]) => code),
    once(child, 'error').then(([error]: unknown[]) => Promise.reject(error as Error)),
  ]);
  child.stdin?.on('error', () => undefined); // it may end before it has read
  child.stdin?.write('held\n');
  const result = await answer;
  if (result === 'held') return true;
  if (result === busyExitCode) return false;
  await makeFile(path);
  throw new Error(`flock ended with ${String(result)}`);
}

/** flock does not say why it could not: this throws the system's own error. */
async function makeFile(path: string): Promise<void> {
  await (await open(path, 'a', 0o600)).close();
}

async function holdsFileAt(child: ChildProcess, path: string): Promise<boolean> {
  const held = await stat(`/proc/${child.pid}/fd/3`);
  const there = await stat(path).catch(ignoreAbsence);
  return there !== undefined && there.ino === held.ino && there.dev === held.dev;
}

async function readHolder(path: string): Promise<LockHolder> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const [, pid, command] = /^(\d+) (.*)$/m.exec(text) ?? [];
  return { holderPid: Number(pid ?? 0), holderCommand: command ?? 'unknown' };
}

async function release(child: ChildProcess, path: string): Promise<void> {
  await unlink(path).catch(ignoreAbsence);
  await end(child);
}

const ignoreAbsence = (error: unknown) =>
  hasCode(error, 'ENOENT') ? undefined : Promise.reject(error as Error);

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.stdin?.end();
  await ended;
}
