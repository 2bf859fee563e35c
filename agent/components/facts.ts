// Looks up, once for all components, what they have to know of the host and agree on.
import type { DesiredState } from '../../protocol/messages/desired.ts';
import { paths } from '../config/paths.ts';
import type { Host } from '../host/host.ts';
import { countList, memoryMiB } from '../host/proc.ts';
import { resolvConfForPods } from '../host/resolv-conf.ts';
import { observeTraits } from '../host/traits.ts';
import { readTreeManifest, type TreeManifest } from '../plan/tree-manifest.ts';
import { readTrial } from './agent/trial.ts';
import { ciliumModules } from './cilium/cilium.ts';
import type { NodeFacts } from './component.ts';
import { kernelModules } from './system/system.ts';
import { treeOf } from './trees.ts';

/** Of a host that does not say: the smallest that carries a node. */
const smallest = { cpuCount: 1, memoryMiB: 1024 };

export async function observeFacts(host: Host, desired: DesiredState): Promise<NodeFacts> {
  const traits = await observeTraits(host);
  const cgroupVersion = traits.cgroupVersion ?? 1;
  return {
    ...traits,
    cgroupVersion,
    ...(await chooseCgroupDriver(host, cgroupVersion)),
    canLowerOomScore: traits.canLowerOomScore ?? true,
    ...(await observeSize(host)),
    resolvConf: (await resolvConfForPods(host.files)) ?? '/etc/resolv.conf',
    modulesToLoad: await observeModules(host),
    bpfIsMounted: await observeBpf(host),
    otherNetworks: await observeOtherNetworks(host),
    trees: await observeTrees(host, desired),
    agentUnit: await observeAgentUnit(host),
    agentTrialSeconds: (await readTrial(host))?.waitSeconds,
  };
}

async function observeSize(host: Host): Promise<Pick<NodeFacts, 'cpuCount' | 'memoryMiB'>> {
  const cpus = countList((await host.files.readText('/sys/devices/system/cpu/online')) ?? '');
  return {
    cpuCount: cpus || smallest.cpuCount,
    memoryMiB: (await memoryMiB(host, 'MemTotal')) ?? smallest.memoryMiB,
  };
}

/**
 * One manager for the whole tree is best: systemd, where it manages the controllers. In a container
 * with cgroup v1 it doesn't (only its own named hierarchy is delegated), so there the kubelet and
 * containerd do it themselves.
 */
async function chooseCgroupDriver(
  host: Host,
  version: 1 | 2,
): Promise<Pick<NodeFacts, 'cgroupDriver' | 'cgroupDriverReason'>> {
  const inContainer = await host.files.exists('/run/systemd/container');
  return version === 1 && inContainer
    ? {
        cgroupDriver: 'cgroupfs',
        cgroupDriverReason: 'cgroup v1 in a container: systemd does not manage its controllers there',
      }
    : { cgroupDriver: 'systemd', cgroupDriverReason: `cgroup v${version}: systemd manages the tree` };
}

// A name that the kernel doesn't know would make systemd-modules-load fail at every boot.
async function observeModules(host: Host): Promise<string[]> {
  const loaded = await host.files.readText('/proc/modules');
  if (loaded === undefined) return [];
  const found: string[] = [];
  for (const name of [...kernelModules, ...ciliumModules]) {
    const isLoaded = new RegExp(`^${name} `, 'm').test(loaded);
    const isBuiltIn = !isLoaded && (await host.files.exists(`/sys/module/${name}`));
    const dryRun = ['--dry-run', '--quiet', name];
    if (isLoaded || (!isBuiltIn && (await host.processes.run('modprobe', dryRun)).exitCode === 0))
      found.push(name);
  }
  return found;
}

async function observeBpf(host: Host): Promise<boolean> {
  if (await host.files.exists(`${paths.units}/${paths.bpfUnit}`)) return false;
  return (await host.mounts()).some(({ path, fileSystem }) => path === '/sys/fs/bpf' && fileSystem === 'bpf');
}

async function observeOtherNetworks(host: Host): Promise<string[]> {
  const names = (await host.files.list(paths.cniConfiguration)) ?? [];
  return names
    .filter((name) => /\.(conf|conflist|json)$/.test(name) && !name.includes('cilium'))
    .sort()
    .map((name) => `${paths.cniConfiguration}/${name}`);
}

async function observeTrees(host: Host, desired: DesiredState): Promise<Map<string, TreeManifest>> {
  const trees = new Map<string, TreeManifest>();
  for (const artifact of desired.artifacts) {
    const path = treeOf(artifact);
    const manifest = await readTreeManifest(host, path);
    if (manifest?.artifactSha256 === artifact.sha256) trees.set(path, manifest);
  }
  return trees;
}

async function observeAgentUnit(host: Host): Promise<string | undefined> {
  for (const folder of [paths.units, '/usr/lib/systemd/system', '/lib/systemd/system']) {
    const path = `${folder}/regnode.service`;
    if (await host.files.exists(path)) return path;
  }
  return undefined;
}
