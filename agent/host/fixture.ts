// A folder that stands for `/`, for tests and for looking at a captured host: files are real (and changed for
// real, below that folder only: links are resolved inside it), commands and the network are canned.
import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { hasCode } from './durable.ts';
import { createFiles } from './files.ts';
import type { Host, HostClock, HostNetwork, HostProcesses, RunResult } from './host.ts';
import { parseMounts } from './mounts.ts';
import { createSysctl } from './sysctl.ts';

/** A string stands for a command that succeeds and prints it. */
export type CannedResult = string | Partial<RunResult>;
/** Keyed by the whole command line, e.g. `uname -r`; or a function that may change the fixture root. */
export type CannedCommands =
  | Readonly<Record<string, CannedResult>>
  | ((
      command: string,
      args: readonly string[],
    ) => CannedResult | undefined | Promise<CannedResult | undefined>);

export interface FixtureOptions {
  readonly commands?: CannedCommands;
  readonly network?: Partial<HostNetwork>;
  readonly clock?: Partial<HostClock>;
  /** Who the agent runs as; root unless said otherwise. */
  readonly uid?: number;
  readonly machine?: string;
  readonly lock?: HostProcesses['lock'];
}

export function fixtureHost(root: string, options: FixtureOptions = {}): Host {
  const files = createFiles(
    async (path, followLast) => resolveInside(root, path, followLast),
    async (path) => resolveInside(root, path, true).slice(root.length) || '/',
  );
  const trimmed = async (path: string) => (await files.readText(path))?.trim();
  return {
    files,
    processes: {
      run: async (command, args) => completed(await canned(options.commands ?? {}, command, args)),
      lock: options.lock ?? (async () => ({ release: async () => undefined })),
      uid: options.uid ?? 0,
      pid: 4242,
    },
    network: { ...silentNetwork, ...options.network },
    clock: { ...standingClock(), ...options.clock },
    hostname: async () =>
      (await trimmed('/proc/sys/kernel/hostname')) ?? (await trimmed('/etc/hostname')) ?? 'localhost',
    kernel: async () => ({
      release: (await trimmed('/proc/sys/kernel/osrelease')) ?? 'unknown',
      machine: options.machine ?? 'x86_64',
    }),
    mounts: async () => parseMounts((await files.readText('/proc/self/mountinfo')) ?? ''),
    ...createSysctl(files, (path) => join(root, path)),
  };
}

/** Resolves links as chroot would: an absolute one starts at `root` again, and nothing leaves it. */
function resolveInside(root: string, path: string, followLast: boolean): string {
  let pending = normalize(`/${path}`).split('/').filter(Boolean);
  let resolved = '/';
  for (let links = 0; pending.length > 0; ) {
    const [name = '', ...rest] = pending;
    pending = rest;
    const next = normalize(join(resolved, name));
    const target = rest.length > 0 || followLast ? linkTarget(join(root, next)) : undefined;
    if (target === undefined) {
      resolved = next;
      continue;
    }
    links += 1;
    if (links > 40) throw Object.assign(new Error(`too many links: ${path}`), { code: 'ELOOP' });
    pending = [...target.split('/').filter(Boolean), ...rest];
    resolved = target.startsWith('/') ? '/' : dirname(next);
  }
  return join(root, resolved).replace(/(?<=.)\/$/, '');
}

/** At once rather than by the thread pool: a test of thousands of runs asks this millions of times. */
function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

async function canned(commands: CannedCommands, command: string, args: readonly string[]) {
  if (typeof commands === 'function') return commands(command, args);
  const line = [command, ...args].join(' ');
  return Object.hasOwn(commands, line) ? commands[line] : undefined;
}

function completed(result: CannedResult | undefined): RunResult {
  if (result === undefined) {
    return { exitCode: null, outcome: 'not-found', stdout: '', stderr: '', truncated: false };
  }
  const given = typeof result === 'string' ? { stdout: result } : result;
  return { exitCode: 0, outcome: 'exited', stdout: '', stderr: '', truncated: false, ...given };
}

function standingClock(): HostClock {
  let elapsedMs = 0;
  return {
    nowMs: () => 1_700_000_000_000 + elapsedMs,
    monotonicMs: () => elapsedMs,
    sleep: async (milliseconds) => {
      elapsedMs += milliseconds;
    },
  };
}

const silentNetwork: HostNetwork = {
  ownerOf: async () => undefined,
  interfaces: async () => [],
  resolve: async (name) => {
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' });
  },
  connect: async (address, port) => {
    throw Object.assign(new Error(`connect ECONNREFUSED ${address}:${port}`), { code: 'ECONNREFUSED' });
  },
  probeHttps: async (url) => {
    throw Object.assign(new Error(`connect ECONNREFUSED ${url}`), { code: 'ECONNREFUSED' });
  },
  get: async (url) => {
    throw Object.assign(new Error(`connect ECONNREFUSED ${url}`), { code: 'ECONNREFUSED' });
  },
  canListen: async () => true,
  routeTo: async () => undefined,
  openDatagrams: async () => {
    throw Object.assign(new Error('bind EACCES'), { code: 'EACCES' });
  },
};
