// Network namespaces of a sandbox (rn-<id>-cloud, rn-<id>-<host>) and how a command or a daemon gets into
// one. Both go through a shell that first moves itself into the member's cgroup and then becomes the command,
// so the pid that we know is the command's own.
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type CommandOptions, type CommandResult, run } from '../machine/command.ts';
import { createCgroup } from './cgroups.ts';

export function namespaceName(id: string, member: string): string {
  return `rn-${id}-${member}`;
}

export async function createNamespace(id: string, member: string): Promise<void> {
  const name = namespaceName(id, member);
  await run('ip', ['netns', 'add', name]);
  await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

export async function listNamespaces(prefix: string): Promise<string[]> {
  const listed = await run('ip', ['netns', 'list']);
  return listed.stdout
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(prefix));
}

export async function namespacePids(name: string): Promise<number[]> {
  const listed = await run('ip', ['netns', 'pids', name], { allowFailure: true });
  return listed.stdout.split('\n').filter(Boolean).map(Number);
}

/** Runs a command in the network namespace of a member, and waits for it. */
export function runInNamespace(
  id: string,
  member: string,
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return run('nsenter', [`--net=/run/netns/${namespaceName(id, member)}`, '--', command, ...args], options);
}

export interface DaemonOptions {
  readonly logFile: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Stay in the machine's own network namespace. */
  readonly hostNetwork?: boolean;
}

/**
 * Starts a process that outlives this one, in the member's cgroup and (by default) network
 * namespace. Returns its pid.
 */
export async function startDaemon(
  id: string,
  member: string,
  command: string,
  args: readonly string[],
  options: DaemonOptions,
): Promise<number> {
  const files = await createCgroup(id, member);
  const enter =
    options.hostNetwork === true ? [] : ['nsenter', `--net=/run/netns/${namespaceName(id, member)}`, '--'];
  const script = [...files.map((file) => `echo $$ > ${file}`), 'exec "$@"'].join(' && ');
  const log = await open(options.logFile, 'a');
  try {
    const child = spawn('sh', ['-c', script, 'sh', ...enter, command, ...args], {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', ...options.environment },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => resolve(child.pid ?? 0));
    });
    child.once('exit', (code, signal) => noteEnd(options.logFile, { pid, code, signal }));
    child.unref();
    return pid;
  } finally {
    await log.close();
  }
}

/**
 * The last line of a log says how its process ended, if this one still lives then. Never makes a file:
 * the folder may be going away.
 */
function noteEnd(logFile: string, how: { pid: number; code: number | null; signal: string | null }): void {
  try {
    const file = openSync(logFile, constants.O_WRONLY | constants.O_APPEND);
    writeSync(file, `${JSON.stringify({ msg: 'the process has ended', ...how })}\n`);
    closeSync(file);
  } catch {
    // The sandbox has been taken down, log and all.
  }
}
