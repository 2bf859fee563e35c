// What sandboxes there are on this machine: one folder /run/regnode-sandbox/<id> each, with a state.json that
// says who owns it. It is written before anything is made. Everything a sandbox makes is named after its id
// (network namespaces rn-<id>-*, cgroups regnode-sandbox/<id>, the data folder), so the id alone is enough to
// take it down, also when its owner was killed half way.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireLock } from '../machine/lock.ts';

export const runRoot = '/run/regnode-sandbox';
/** Large and on a real disk: overlayfs needs an ordinary file system below it. */
const dataRoot = process.env.REGNODE_SANDBOX_DATA || '/var/lib/regnode-sandbox';

export type HostIdentity = 'tencentos-3.1' | 'tencentos-2.4' | 'debian-12';

export interface HostState {
  readonly name: string;
  /** 1, 2, …: decides the address and the pod subnet. */
  readonly index: number;
  readonly address: string;
  readonly identity: HostIdentity;
}

export interface SandboxState {
  readonly schema: 1;
  readonly id: string;
  /** For people; it means this one only in its own checkout. */
  readonly name: string;
  /** The source tree that made it. */
  readonly checkout?: string;
  /** undefined: it outlives the command that started it and is taken down by hand. */
  readonly owner?: { readonly pid: number; readonly startTicks: string };
  readonly createdAt: string;
  /** After a restart of the machine a sandbox is only folders. */
  readonly bootId: string;
  readonly dataFolder: string;
  readonly hosts: readonly HostState[];
}

export function dataFolderOf(id: string): string {
  return join(dataRoot, id);
}

export function runFolder(id: string): string {
  return join(runRoot, id);
}

/** One at a time may add or take down sandboxes. The lock is on /run itself, so no lock file stays behind. */
export async function withRegistryLock<T>(action: () => Promise<T>): Promise<T> {
  const lock = await acquireLock('/run');
  try {
    return await action();
  } finally {
    await lock.release();
  }
}

/** The source tree that this program belongs to. */
export function ownCheckout(): Promise<string> {
  return realpath(join(import.meta.dirname, '../..'));
}

/**
 * Ids are the machine's; a name is the checkout's, so that one clone never touches what another has started.
 */
export function isCalled(
  { id, name, checkout }: Pick<SandboxState, 'id' | 'name' | 'checkout'>,
  nameOrId: string,
  from: string,
): boolean {
  return id === nameOrId || (name === nameOrId && checkout === from);
}

export async function createState(name: string): Promise<SandboxState> {
  const id = randomBytes(3).toString('hex');
  const state: SandboxState = {
    schema: 1,
    id,
    name,
    checkout: await ownCheckout(),
    owner: { pid: process.pid, startTicks: (await startTicks(process.pid)) ?? '' },
    createdAt: new Date().toISOString(),
    bootId: await currentBootId(),
    dataFolder: dataFolderOf(id),
    hosts: [],
  };
  await mkdir(runFolder(id), { recursive: true, mode: 0o700 });
  await saveState(state);
  return state;
}

export async function saveState(state: SandboxState): Promise<void> {
  const path = join(runFolder(state.id), 'state.json');
  await writeFile(`${path}.new`, `${JSON.stringify(state, undefined, 2)}\n`);
  await rename(`${path}.new`, path);
}

/** undefined when the folder has no readable state: a run was killed while it made or removed it. */
export async function loadState(id: string): Promise<SandboxState | undefined> {
  const path = join(runFolder(id), 'state.json');
  if (!existsSync(path)) return undefined;
  return JSON.parse(await readFile(path, 'utf8')) as SandboxState;
}

/** Also those of which only data is left, because /run did not outlive a restart of the machine. */
export async function listIds(): Promise<string[]> {
  const ids = new Set<string>();
  for (const root of [runRoot, dataRoot]) {
    if (!existsSync(root)) continue;
    for (const name of await readdir(root)) if (/^[0-9a-f]{6}$/.test(name)) ids.add(name);
  }
  return [...ids];
}

export async function listStates(): Promise<SandboxState[]> {
  const states = await Promise.all((await listIds()).map(loadState));
  return states.filter((state) => state !== undefined);
}

export async function ownerIsAlive(state: SandboxState): Promise<boolean> {
  if (state.bootId !== (await currentBootId())) return false;
  if (state.owner === undefined) return true;
  return (await startTicks(state.owner.pid)) === state.owner.startTicks;
}

async function currentBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/**
 * When a process started, in clock ticks since boot: with the pid, it names a process for good. undefined
 * when it has ended, also when nobody has asked for its exit code yet.
 */
export async function startTicks(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold spaces and brackets; the fields begin after the last bracket, with the state.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
