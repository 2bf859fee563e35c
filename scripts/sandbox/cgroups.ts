// The cgroups of a sandbox: regnode-sandbox/<id>/<member> in every hierarchy of the machine (cgroup
// v1, hybrid or v2 alike). They bound what belongs to the sandbox: whatever runs in them, and
// nothing else, is ended with it.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const mountRoot = '/sys/fs/cgroup';
const parent = 'regnode-sandbox';
/** What a host's kubelet asks for; a controller that the machine lacks is left out. */
const controllers = ['cpu', 'cpuset', 'io', 'memory', 'pids'];

/** Mount points of the hierarchies: one on v2, one per controller on v1. */
async function hierarchies(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const found = lines.flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const path = before.split(' ')[4] ?? '';
    return /^cgroup2? /.test(after) && path.startsWith(mountRoot) ? [path] : [];
  });
  return [...new Set(found)];
}

/**
 * Makes the cgroup of one member and returns its cgroup.procs files: a pid written to all of them moves in.
 */
export async function createCgroup(id: string, member: string): Promise<string[]> {
  const files: string[] = [];
  for (const root of await hierarchies()) {
    const folder = join(root, parent, id, member);
    await mkdir(folder, { recursive: true });
    await delegate(root, [parent, id, member]);
    await inheritCpuset(root, [parent, id, member]);
    files.push(join(folder, 'cgroup.procs'));
  }
  return files;
}

/**
 * The cgroup.procs files of a child `name` of the root that a container's pid 1 sees, in every hierarchy.
 * (systemd may have been given a cgroup further down than its member's.)
 */
export async function createCgroupInside(init: number, name: string): Promise<string[]> {
  const roots = await hierarchies();
  const files: string[] = [];
  for (const line of (await readFile(`/proc/${init}/cgroup`, 'utf8')).trim().split('\n')) {
    const [, kinds = '', ...path] = line.split(':');
    const root = roots.find((one) => matchesHierarchy(one, kinds));
    if (root === undefined) continue;
    const parts = [
      ...path
        .join(':')
        .replace(/\/init\.scope$/, '')
        .split('/')
        .filter(Boolean),
      name,
    ];
    await mkdir(join(root, ...parts), { recursive: true });
    await inheritCpuset(root, parts);
    files.push(join(root, ...parts, 'cgroup.procs'));
  }
  return files;
}

/** /proc/PID/cgroup names a v1 hierarchy by its controllers, and that of v2 by nothing. */
function matchesHierarchy(root: string, kinds: string): boolean {
  if (kinds === '') return existsSync(join(root, 'cgroup.controllers'));
  const name = kinds.replace(/^name=/, '');
  return root === join(mountRoot, name) || root === join(mountRoot, name.split(',').reverse().join(','));
}

/** v2: a controller reaches a cgroup only when each one above it passes it on. */
async function delegate(root: string, path: readonly string[]): Promise<void> {
  for (let depth = 0; depth < path.length; depth++) {
    const folder = join(root, ...path.slice(0, depth));
    const control = join(folder, 'cgroup.subtree_control');
    if (!existsSync(control)) return;
    const available = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    for (const name of controllers.filter((controller) => available.includes(controller))) {
      await writeFile(control, `+${name}`);
    }
  }
}

/** v1: a new cpuset is empty, and no process may enter it before it has processors and memory nodes. */
async function inheritCpuset(root: string, path: readonly string[]): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (!existsSync(join(root, file)) || existsSync(join(root, 'cgroup.subtree_control'))) return;
    for (let depth = 1; depth <= path.length; depth++) {
      const place = join(root, ...path.slice(0, depth), file);
      if ((await readFile(place, 'utf8')).trim() !== '') continue;
      await writeFile(place, await readFile(join(root, ...path.slice(0, depth - 1), file), 'utf8'));
    }
  }
}

/** Stops or goes on with everything in a member at once. */
export async function setFrozen(id: string, member: string, frozen: boolean): Promise<void> {
  for (const root of await hierarchies()) {
    const folder = join(root, parent, id, member);
    if (existsSync(join(folder, 'freezer.state'))) {
      await writeFile(join(folder, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
      return;
    }
    if (existsSync(join(folder, 'cgroup.freeze')) && existsSync(join(root, 'cgroup.controllers'))) {
      await writeFile(join(folder, 'cgroup.freeze'), frozen ? '1' : '0');
      return;
    }
  }
  throw new Error('this machine has no cgroup freezer');
}

/** Every process in the sandbox's cgroups, or in those of one member. */
export async function cgroupPids(id: string, member = ''): Promise<number[]> {
  const pids = new Set<number>();
  for (const root of await hierarchies()) {
    for (const folder of await subtree(join(root, parent, id, member))) {
      for (const line of (await readIfThere(join(folder, 'cgroup.procs'))).split('\n')) {
        if (line !== '' && line !== '0') pids.add(Number(line));
      }
    }
  }
  return [...pids];
}

/** What has run in the sandbox's cgroups so far, ended or not; 0 where the machine does not count. */
export async function cgroupCpuSeconds(id: string): Promise<number> {
  for (const root of await hierarchies()) {
    const folder = join(root, parent, id);
    const nanoseconds = await readIfThere(join(folder, 'cpuacct.usage'));
    if (nanoseconds !== '') return Number(nanoseconds) / 1e9;
    const microseconds = /^usage_usec (\d+)$/m.exec(await readIfThere(join(folder, 'cpu.stat')))?.[1];
    if (microseconds !== undefined) return Number(microseconds) / 1e6;
  }
  return 0;
}

/** Removes the cgroups, which must be empty by now; false while one is still busy. */
export async function removeCgroups(id: string, member = ''): Promise<boolean> {
  let clean = true;
  for (const root of await hierarchies()) {
    const top = join(root, parent, id, member);
    for (const folder of (await subtree(top)).reverse()) {
      try {
        await rmdir(folder);
      } catch {
        clean &&= !existsSync(folder);
      }
    }
    // The common parent goes with the last sandbox; while there is another one this does nothing.
    await rmdir(join(root, parent)).catch(() => undefined);
  }
  return clean;
}

/** A cgroup and all below it, parents first. */
async function subtree(folder: string): Promise<string[]> {
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    return [];
  }
  const below = await Promise.all(names.map((name) => subtree(join(folder, name))));
  return [folder, ...below.flat()];
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
