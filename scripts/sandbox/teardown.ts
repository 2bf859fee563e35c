// Takes a sandbox down by its id alone, whatever state it is in: ends every process in its cgroups
// and network namespaces, unmounts what is mounted below its data folder, deletes its namespaces
// (and with them bridges, veths, rules, routes), its cgroups, its folders. Running it twice is
// harmless. Nothing is ended by name.
import { readFile, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../machine/command.ts';
import { cgroupPids, removeCgroups, setFrozen } from './cgroups.ts';
import { listNamespaces, namespaceName, namespacePids } from './namespaces.ts';
import {
  dataFolderOf,
  listIds,
  loadState,
  ownerIsAlive,
  runFolder,
  runRoot,
  withRegistryLock,
} from './registry.ts';
import { restoreSysctls } from './sysctls.ts';
import { waitFor } from './wait.ts';

export async function takeDown(id: string): Promise<void> {
  const state = await loadState(id);
  for (const host of state?.hosts ?? []) {
    // A frozen process can't be ended.
    await setFrozen(id, host.name, false).catch(() => undefined);
  }
  await endProcesses(id);
  const dataFolder = state?.dataFolder ?? dataFolderOf(id);
  await unmountBelow(dataFolder);
  for (const name of await listNamespaces(namespaceName(id, ''))) {
    await run('ip', ['netns', 'delete', name], { allowFailure: true });
  }
  await waitFor(`the cgroups of sandbox ${id} to be empty`, () => removeCgroups(id), { timeoutMs: 30_000 });
  await removeFolder(dataFolder);
  await withRegistryLock(async () => {
    await removeFolder(runFolder(id));
    if ((await listIds()).length > 0) return;
    for (const line of await restoreSysctls()) process.stderr.write(`sandbox: ${line}\n`);
    for (const folder of [runRoot, dirname(dataFolder)]) await rmdir(folder).catch(() => undefined);
  });
}

/** Takes down every sandbox whose owner is gone without having done it. */
export async function reapDead(report: (id: string, name: string) => void): Promise<void> {
  // With the lock, because one that is just being made has no state yet.
  const dead = await withRegistryLock(async () => {
    const found: { id: string; name: string }[] = [];
    for (const id of await listIds()) {
      const state = await loadState(id);
      if (state === undefined || !(await ownerIsAlive(state)))
        found.push({ id, name: state?.name ?? 'nameless' });
    }
    return found;
  });
  for (const { id, name } of dead) {
    report(id, name);
    await takeDown(id);
  }
}

/** Ends everything in one member (a host, the cloud), or in the whole sandbox. */
export async function endProcesses(id: string, member = ''): Promise<void> {
  await waitFor(
    `the processes of sandbox ${id} to end`,
    async () => {
      const pids = await remainingPids(id, member);
      for (const pid of pids) kill(pid);
      return pids.length === 0;
    },
    { timeoutMs: 60_000, intervalMs: 50 },
  );
}

async function remainingPids(id: string, member: string): Promise<number[]> {
  const names = await listNamespaces(namespaceName(id, member));
  const inNamespaces = await Promise.all(
    names.filter((name) => member === '' || name === namespaceName(id, member)).map(namespacePids),
  );
  const pids = new Set([...inNamespaces.flat(), ...(await cgroupPids(id, member))]);
  pids.delete(process.pid);
  return [...pids];
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/**
 * Unmounts everything at or below a folder, the innermost first; what has just
 * ended may hold one for a moment.
 */
export async function unmountBelow(folder: string): Promise<void> {
  await waitFor(
    `the mounts below ${folder} to go`,
    async () => {
      for (const path of (await mountsBelow(folder)).reverse()) {
        await run('umount', ['--no-canonicalize', path], { allowFailure: true });
      }
      return (await mountsBelow(folder)).length === 0;
    },
    { timeoutMs: 15_000 },
  );
}

async function mountsBelow(folder: string): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  return lines
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((path) => path === folder || path.startsWith(join(folder, '/')));
}

/** Never crosses into another file system, and never starts while something is still mounted below. */
async function removeFolder(folder: string): Promise<void> {
  const mounted = await mountsBelow(folder);
  if (mounted.length > 0) throw new Error(`${folder} still has mounts: ${mounted.join(', ')}`);
  await run('rm', ['-rf', '--one-file-system', folder]);
}
