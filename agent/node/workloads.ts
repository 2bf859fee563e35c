// Ends every container of our containerd, whether or not containerd still answers: the shims are known by
// where their program lies, the containers are what descends from them, and what is in the control groups of
// the kubelet's pods: a pod that sees the host's processes may end its shim, and is nobody's child then.
// First politely, then not, and again and again what appears meanwhile. Nothing else on the host is touched:
// a Docker beside us has shims and groups of its own.
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { statFields } from '../host/proc.ts';

const politeMs = 10_000;
const firmMs = 10_000;
const pollMs = 100;
/** Of one command: the kernel takes 128 KiB in one argument and 2 MiB in all, less with a small stack. */
const pidsAtOnce = 2000;
/** Of a /proc/PID/stat, behind the name. */
const threadsField = 17;
/** Of both drivers. */
const podGroups = ['kubepods', 'kubepods.slice'];

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly isShim: boolean;
}

/** Returns what would not end or go, a line each. */
export async function stopWorkloads(host: Host): Promise<string[]> {
  await stopUnit(host, 'regnode.service');
  await stopUnit(host, 'kubelet.service');
  const stubborn = await endContainers(host);
  // containerd still runs: it tidies up after its shims, and images are taken back through it.
  const left = await killAll(host, async () => (await listProcesses(host)).filter(({ isShim }) => isShim));
  await removeCgroups(host);
  return [
    ...(stubborn.length > 0
      ? [`${stubborn.length} processes of containers (${named(stubborn)}) would not end`]
      : []),
    ...left.map(({ pid }) => `a container shim (pid ${pid}) would not end`),
  ];
}

async function endContainers(host: Host): Promise<readonly Process[]> {
  await sendSignal(host, 'TERM', await listContained(host));
  await waitForEnd(host, () => listContained(host), politeMs);
  return killAll(host, () => listContained(host));
}

/** Also what its members start while they are being ended. */
async function killAll(host: Host, list: () => Promise<Process[]>): Promise<readonly Process[]> {
  return waitForEnd(
    host,
    async () => {
      const left = await list();
      await sendSignal(host, 'KILL', left);
      return left;
    },
    firmMs,
  );
}

function named(processes: readonly Process[]): string {
  const pids = processes.slice(0, 5).map(({ pid }) => pid);
  return `pid ${pids.join(', ')}${processes.length > pids.length ? ', …' : ''}`;
}

async function stopUnit(host: Host, name: string): Promise<void> {
  // A unit that isn't there is stopped; one that won't stop is met again, and told, when it is undone.
  await host.processes.run('systemctl', ['stop', name], { timeoutMs: 120_000 });
}

async function listContained(host: Host): Promise<Process[]> {
  const [all, grouped] = await Promise.all([listProcesses(host), groupedPids(host)]);
  const contained = all.filter(({ pid, isShim }) => grouped.has(pid) && !isShim);
  const inside = new Set([...all.filter(({ isShim }) => isShim), ...contained].map(({ pid }) => pid));
  for (let grew = true; grew; ) {
    const next = all.filter(({ pid, parent }) => inside.has(parent) && !inside.has(pid));
    for (const process of next) inside.add(process.pid);
    contained.push(...next);
    grew = next.length > 0;
  }
  return contained;
}

async function listProcesses(host: Host): Promise<Process[]> {
  // The kernel tells where a program really lies, and /opt may be a link to another disk.
  const shims = `${await host.files.resolve(`${paths.components}/containerd`)}/`;
  const pids = ((await host.files.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readProcess(host, Number(pid), shims)));
  return found.filter((process) => process !== undefined);
}

/** undefined when it has ended meanwhile, or is only a zombie. */
async function readProcess(host: Host, pid: number, shims: string): Promise<Process | undefined> {
  const stat = await host.files.readText(`/proc/${pid}/stat`).catch(() => undefined);
  const fields = statFields(stat ?? '');
  const [state = '', parent] = fields;
  // Whose first thread alone has ended is called a zombie too, and runs.
  if (state === '' || (state === 'Z' && Number(fields[threadsField]) <= 1)) return undefined;
  const program = (await host.files.status(`/proc/${pid}/exe`).catch(() => undefined))?.target ?? '';
  return {
    pid,
    parent: Number(parent),
    isShim: program.startsWith(shims) && program.includes('/containerd-shim'),
  };
}

async function sendSignal(host: Host, signal: 'TERM' | 'KILL', processes: readonly Process[]): Promise<void> {
  for (let at = 0; at < processes.length; at += pidsAtOnce) {
    const pids = processes.slice(at, at + pidsAtOnce).map(({ pid }) => String(pid));
    await host.processes.run('kill', ['-s', signal, ...pids]);
  }
}

async function waitForEnd(host: Host, list: () => Promise<Process[]>, limitMs: number): Promise<Process[]> {
  const startedMs = host.clock.monotonicMs();
  for (;;) {
    const left = await list();
    if (left.length === 0 || host.clock.monotonicMs() - startedMs > limitMs) return left;
    await host.clock.sleep(pollMs);
  }
}

/**
 * In the control groups of pods. None, where this host is a pod itself and shows the groups of that cluster.
 */
async function groupedPids(host: Host): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (const path of await podGroupPaths(host)) await collect(path);
  return found.has(1) || found.has(host.processes.pid) ? new Set() : found;

  async function collect(path: string): Promise<void> {
    const pids = await host.files.readText(`${path}/cgroup.procs`).catch(() => undefined);
    for (const pid of pids?.split('\n') ?? []) if (pid !== '') found.add(Number(pid));
    for (const child of await childGroups(host, path)) await collect(child);
  }
}

/** A cgroup goes when nothing is in it. */
async function removeCgroups(host: Host): Promise<void> {
  await stopUnit(host, 'kubepods.slice');
  for (const path of await podGroupPaths(host)) await removeCgroup(host, path);
}

/** Of both cgroup versions; they need not be there. */
async function podGroupPaths(host: Host): Promise<string[]> {
  const root = '/sys/fs/cgroup';
  const hierarchies = [root, ...((await host.files.list(root)) ?? []).map((name) => `${root}/${name}`)];
  return hierarchies.flatMap((hierarchy) => podGroups.map((name) => `${hierarchy}/${name}`));
}

async function removeCgroup(host: Host, path: string): Promise<void> {
  // One that is not there is not asked for: the file system may be read-only.
  if ((await host.files.list(path)) === undefined) return;
  for (const child of await childGroups(host, path)) await removeCgroup(host, child);
  await host.files.removeEmptyDirectory(path);
}

async function childGroups(host: Host, path: string): Promise<string[]> {
  const children: string[] = [];
  for (const name of (await host.files.list(path)) ?? []) {
    const child = `${path}/${name}`;
    if ((await host.files.status(child))?.kind === 'directory') children.push(child);
  }
  return children;
}
