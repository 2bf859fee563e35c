// Boots a host: an overlay on the base root, a systemd-nspawn container on it in the host's own network
// namespace and cgroup, with its own systemd as pid 1. Works with or without systemd on the machine itself.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../machine/command.ts';
import { lastLines } from './control-plane.ts';
import { copyTree } from './copy.ts';
import { namespaceName, startDaemon } from './namespaces.ts';
import type { HostState } from './registry.ts';
import { personalise } from './root.ts';
import { waitFor } from './wait.ts';

export interface HostFolders {
  readonly folder: string;
  readonly root: string;
  readonly upper: string;
  readonly work: string;
  /** Bound over /var/lib/containerd and /var/lib/kubelet: overlayfs can't lie on overlayfs. */
  readonly containerd: string;
  readonly kubelet: string;
  readonly log: string;
  readonly pidFile: string;
}

export function hostFolders(dataFolder: string, name: string): HostFolders {
  const folder = join(dataFolder, 'hosts', name);
  return {
    folder,
    root: join(folder, 'root'),
    upper: join(folder, 'upper'),
    work: join(folder, 'work'),
    containerd: join(folder, 'containerd'),
    kubelet: join(folder, 'kubelet'),
    log: join(folder, 'boot.log'),
    pidFile: join(folder, 'nspawn.pid'),
  };
}

/** The disks of a host that is off, as a template keeps them. */
export const disks = ['upper', 'containerd', 'kubelet'] as const;

/** `template` has the disks of a host of this name: it is the same machine again. */
export async function prepareRoot(
  folders: HostFolders,
  base: string,
  host: HostState,
  template?: string,
): Promise<void> {
  for (const folder of [folders.root, folders.upper, folders.work, folders.containerd, folders.kubelet]) {
    await mkdir(folder, { recursive: true, mode: 0o755 });
  }
  const lower = template === undefined ? base : `${join(template, 'upper')}:${base}`;
  const options = `lowerdir=${lower},upperdir=${folders.upper},workdir=${folders.work}`;
  await run('mount', ['-t', 'overlay', 'regnode-sandbox', '-o', options, folders.root]);
  if (template !== undefined) {
    for (const disk of ['containerd', 'kubelet'] as const)
      await copyTree(join(template, disk), folders[disk]);
    return;
  }
  await personalise(folders.root, host, randomBytes(16).toString('hex'));
}

/** With --keep-unit, nspawn leaves it to whoever has started it to start a container that reboots again. */
const rebootExitCode = 133;
const whileItReboots = `while :; do
  code=0
  "$@" || code=$?
  [ "$code" = ${rebootExitCode} ] || exit "$code"
done`;

/** Starts the container and waits until its systemd has come up. Returns pid 1's pid on the machine. */
export async function boot(id: string, host: HostState, folders: HostFolders): Promise<number> {
  const args = [
    '--quiet',
    '--register=no',
    '--keep-unit',
    '--boot',
    `--directory=${folders.root}`,
    `--machine=rn-${id}-${host.name}`,
    `--hostname=${host.name}`,
    `--network-namespace-path=/run/netns/${namespaceName(id, host.name)}`,
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    '--console=pipe',
    '--capability=all',
    '--system-call-filter=@keyring bpf @mount @privileged @debug @raw-io @module',
    '--bind=/dev/kmsg',
    `--bind=${folders.containerd}:/var/lib/containerd`,
    `--bind=${folders.kubelet}:/var/lib/kubelet`,
  ];
  const pid = await startDaemon(
    id,
    host.name,
    'sh',
    ['-c', whileItReboots, 'sh', 'systemd-nspawn', ...args],
    {
      logFile: folders.log,
      hostNetwork: true,
      environment: { SYSTEMD_NSPAWN_API_VFS_WRITABLE: '1' },
    },
  );
  await writeFile(folders.pidFile, String(pid));
  const detail = () => lastLines(folders.log, 40);
  const init = await waitFor(`${host.name} to start`, () => findInit(pid), { timeoutMs: 30_000, detail });
  // Its control socket is there before the default target is reached; units can be asked for from then on.
  await waitFor(`${host.name} to boot`, () => isUp(init), { timeoutMs: 180_000, detail });
  return init;
}

export async function runningInit(folders: HostFolders): Promise<number | undefined> {
  if (!existsSync(folders.pidFile)) return undefined;
  return findInit(Number(await readFile(folders.pidFile, 'utf8')));
}

async function isUp(init: number): Promise<boolean> {
  const asked = await run(
    'nsenter',
    [
      `--target=${init}`,
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--root',
      '--wd',
      '--',
      'systemctl',
      'is-system-running',
    ],
    { allowFailure: true, timeoutMs: 10_000 },
  );
  return /^(?:running|degraded)$/.test(asked.stdout.trim());
}

/**
 * Of the container's processes the one that is number 1 in its own pid namespace: nspawn's child, and nspawn
 * is the shell's. While the host reboots there is none.
 */
async function findInit(supervisor: number): Promise<number | undefined> {
  if (!existsSync(`/proc/${supervisor}`))
    throw new Error('systemd-nspawn ended while it started; see boot.log');
  // One that was started by an earlier release has no shell above it.
  const children = await childrenOf(supervisor);
  const below = await Promise.all(children.map(childrenOf));
  for (const pid of [...children, ...below.flat()]) if (await isInit(pid)) return pid;
  return undefined;
}

async function isInit(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^NSpid:\t\d+\t1$/m.test(status);
}

async function childrenOf(pid: number): Promise<number[]> {
  try {
    const found: number[] = [];
    for (const task of await readdir(`/proc/${pid}/task`)) {
      const children = await readFile(`/proc/${pid}/task/${task}/children`, 'utf8');
      found.push(...children.split(' ').filter(Boolean).map(Number));
    }
    return found;
  } catch {
    return [];
  }
}
