// Ending what containers run: more processes than one command can name, and some that start others meanwhile.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import { systemProcesses } from '../../../../agent/host/processes.ts';
import { stopWorkloads } from '../../../../agent/node/workloads.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

let root: string;
let elapsedMs: number;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/regnode-workloads-');
  elapsedMs = 0;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(pid: number, parent: number, program: string, name = 'name'): void {
  const folder = join(root, `proc/${pid}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'stat'), `${pid} (${name}) S ${parent} 1 1 0\n`);
  symlinkSync(program, join(folder, 'exe'));
}

/** `onKill`: which of them end. */
function hostWith(onKill: (signal: string, pids: readonly number[]) => readonly number[]) {
  const commands = async (command: string, args: readonly string[]) => {
    if (command !== 'kill') return '';
    // The kernel has the last word on how much one command may name.
    expect(await systemProcesses.run('true', [...args])).toMatchObject({ exitCode: 0 });
    for (const pid of onKill(args[1] ?? '', args.slice(2).map(Number)))
      rmSync(join(root, `proc/${pid}`), { recursive: true, force: true });
    return '';
  };
  const clock = {
    monotonicMs: () => elapsedMs,
    // As long as it takes to look at so many.
    sleep: async (milliseconds: number) => {
      elapsedMs += milliseconds + 1500;
    },
  };
  return fixtureHost(root, { commands, clock });
}

const shim = `${paths.components}/containerd/1.7/bin/containerd-shim-runc-v2`;

test('of five thousand processes all end, by commands that the kernel takes', async () => {
  put(10, 1, shim);
  put(11, 10, '/usr/bin/bash');
  for (let pid = 1_000_000; pid < 1_005_000; pid++) {
    const folder = join(root, `proc/${pid}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'stat'), `${pid} (sleep) S 11 1 1 0`);
  }
  put(20, 1, '/usr/bin/containerd-shim-runc-v2');
  put(21, 20, '/usr/bin/bash');
  const killed = new Set<number>();
  const most: number[] = [];
  const host = hostWith((signal, pids) => {
    most.push(pids.length);
    if (signal === 'TERM') return [];
    for (const pid of pids) killed.add(pid);
    return pids;
  });
  expect(await stopWorkloads(host)).toEqual([]);
  expect(killed.size).toBe(5002);
  expect(Math.max(...most)).toBeLessThanOrEqual(2000);
  expect([killed.has(20), killed.has(21)], "a neighbour's").toEqual([false, false]);
});

test('what others start while they are being ended ends too', async () => {
  put(10, 1, shim);
  put(11, 10, '/usr/bin/bash');
  let next = 12;
  const host = hostWith((signal, pids) => {
    if (signal === 'TERM') return [];
    if (pids.includes(next - 1) && next < 16) put(next++, 10, '/usr/bin/bash');
    return pids;
  });
  expect(await stopWorkloads(host)).toEqual([]);
  expect(next).toBe(16);
});

test.each([') Z 1 ', ') S 1 ', 'a) Z 1 (b', '', '((', ')'])(
  'what calls itself “%s” ends too',
  async (name) => {
    put(10, 1, shim, name);
    put(11, 10, '/usr/bin/bash', name);
    put(12, 11, '/usr/bin/bash', name);
    const killed: number[] = [];
    const host = hostWith((signal, pids) => {
      if (signal === 'TERM') return [];
      killed.push(...pids);
      return pids;
    });
    expect(await stopWorkloads(host)).toEqual([]);
    expect(killed.sort()).toEqual([10, 11, 12]);
  },
);

test.each([
  { what: 'whose first thread alone has ended', threads: 2, ended: [10, 11] },
  { what: 'that is a zombie', threads: 1, ended: [10] },
])('of one $what: $ended', async ({ threads, ended }) => {
  put(10, 1, shim);
  put(11, 10, '/usr/bin/bash');
  const stat = `11 (name) Z 10 1 1 0 -1 4227084 120 0 2 0 0 0 0 0 20 0 ${threads} 0 588869 0 0\n`;
  writeFileSync(join(root, 'proc/11/stat'), stat);
  const killed: number[] = [];
  const host = hostWith((signal, pids) => {
    if (signal === 'KILL') killed.push(...pids);
    return signal === 'KILL' ? pids : [];
  });
  expect(await stopWorkloads(host)).toEqual([]);
  expect(killed.sort()).toEqual(ended);
});

test.each([
  ['pids/kubepods/burstable/podx/c1', true],
  ['kubepods.slice/kubepods-besteffort.slice/cri-containerd-x.scope', true],
  ['system.slice/docker-1.scope/kubelet/kubepods/podx/c1', false],
])('one that has lost its shim, in the group %s: ends %j', async (group, ends) => {
  put(11, 1, '/usr/bin/bash');
  put(12, 11, '/usr/bin/sleep');
  const folder = join(root, 'sys/fs/cgroup', group);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'cgroup.procs'), '11\n');
  const killed: number[] = [];
  const host = hostWith((signal, pids) => {
    if (signal === 'KILL') killed.push(...pids);
    return signal === 'KILL' ? pids : [];
  });
  expect(await stopWorkloads(host)).toEqual([]);
  expect(killed.sort()).toEqual(ends ? [11, 12] : []);
});

test('a host that is a pod itself, with all that runs on it in one group, ends nothing by that', async () => {
  put(1, 0, '/usr/lib/systemd/systemd');
  put(10, 1, shim);
  put(11, 10, '/usr/bin/bash');
  put(20, 1, '/usr/sbin/sshd');
  const folder = join(root, 'sys/fs/cgroup/kubepods/podx');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'cgroup.procs'), '1\n10\n11\n20\n');
  const killed: number[] = [];
  const host = hostWith((signal, pids) => {
    if (signal === 'KILL') killed.push(...pids);
    return signal === 'KILL' ? pids : [];
  });
  expect(await stopWorkloads(host)).toEqual([]);
  expect(killed.sort()).toEqual([10, 11]);
});

test('groups that are not there are not removed: where they would be may be read-only', async () => {
  mkdirSync(join(root, 'sys/fs/cgroup/kubepods.slice'), { recursive: true });
  const host = hostWith((_, pids) => pids);
  const removed: string[] = [];
  const removeEmptyDirectory = async (path: string) => removed.push(path) > 0;
  await stopWorkloads({ ...host, files: { ...host.files, removeEmptyDirectory } });
  expect(removed).toEqual(['/sys/fs/cgroup/kubepods.slice']);
});

test('what does not end is told', async () => {
  put(10, 1, shim);
  put(11, 10, '/usr/bin/bash');
  const lines = await stopWorkloads(hostWith((_, pids) => pids.filter((pid) => pid !== 11)));
  expect(lines).toEqual(['1 processes of containers (pid 11) would not end']);
});
