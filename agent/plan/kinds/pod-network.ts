// What pods leave behind in the kernel: veths, bridges, network namespaces, packet filter chains. None of it
// is made by a step of ours, so what is there is noted once before the first pod can exist, and a leave takes
// away what is new. Routes go with their links. Another runtime beside ours (Docker, Podman) makes things
// that are called the same: a veth on a bridge that is none of ours, and a namespace in which somebody still
// lives when our pods have ended, are theirs.
import { z } from 'zod';
import type { Host } from '../../host/host.ts';
import { saidBy } from '../command.ts';
import { defineKind, right, wrong } from '../kind.ts';
import { bridgesOf } from '../links.ts';
import { clusterChains, removalScript } from '../packet-filter.ts';
import { unmountBelow } from '../unmount.ts';

const families = ['iptables', 'ip6tables'] as const;
const namespaceFolder = '/run/netns';
/** Only links of programs that make pod networks; a host's own new interface is none of our business. */
const podLinks = /^(veth|cni\d|cali|cilium_|lxc(?!br)|flannel|kube-|nodelocaldns|dummy_kube)/;

const entrySchema = z.strictObject({
  links: z.array(z.string()),
  /** null when there was not even a folder for them. */
  namespaces: z.array(z.string()).nullable(),
  chains: z.record(z.string(), z.array(z.string())),
});

export const podNetworkKind = defineKind({
  kind: 'pod-network',
  identify: () => 'pod-network',
  title: () => 'note links, network namespaces and packet filter chains',
  observe: async () => undefined,
  compare: (_, __, journaled) => (journaled ? right : wrong('not noted yet')),

  entrySchema,
  async record({ host }) {
    const chains: Record<string, string[]> = {};
    for (const family of families) chains[family] = clusterChains(await save(host, family));
    return { links: await linkNames(host), namespaces: await namespaceNames(host), chains };
  },
  apply: async () => undefined,

  async undo({ host }, [before]) {
    const kept = [
      ...(await removeNamespaces(host, before.namespaces)),
      ...(await removeLinks(host, before.links)),
    ];
    for (const family of families) {
      const script = removalScript(await save(host, family), before.chains[family] ?? []);
      if (script === '') continue;
      const result = await host.processes.run(`${family}-restore`, ['--noflush'], { input: script });
      if (result.exitCode !== 0) kept.push(`packet filter chains (${family}: ${result.stderr.trim()})`);
    }
    return kept.length === 0
      ? { outcome: 'restored' }
      : { outcome: 'kept', detail: `could not be removed: ${kept.join(', ')}` };
  },
});

const save = (host: Host, family: string) => saidBy(host, `${family}-save`, []);

async function linkNames(host: Host): Promise<string[]> {
  return (await host.network.interfaces()).map((link) => link.name);
}

async function namespaceNames(host: Host): Promise<string[] | null> {
  const names = await host.files.list(namespaceFolder);
  return names === undefined ? null : [...names];
}

async function removeNamespaces(host: Host, before: readonly string[] | null): Promise<string[]> {
  const isFresh = (name: string) => name.startsWith('cni-') && !before?.includes(name);
  const kept: string[] = [];
  const fresh = ((await namespaceNames(host)) ?? []).filter(isFresh);
  const inhabited = fresh.length === 0 ? new Set<string>() : await inhabitedNamespaces(host);
  for (const name of fresh) {
    const path = `${namespaceFolder}/${name}`;
    if (inhabited.has(`net:[${(await host.files.status(path))?.inode}]`)) continue;
    kept.push(...(await unmountBelow(host, path, () => true)));
    if (!kept.includes(path)) await host.files.removeFile(path);
  }
  if (before === null) await host.files.removeEmptyDirectory(namespaceFolder);
  return kept;
}

/** Of processes that live now: our pods have ended. */
async function inhabitedNamespaces(host: Host): Promise<ReadonlySet<string>> {
  const pids = ((await host.files.list('/proc')) ?? []).filter((name) => /^\d+$/.test(name));
  const found = new Set<string>();
  for (const pid of pids) {
    const link = await host.files.status(`/proc/${pid}/ns/net`).catch(() => undefined);
    if (link?.target !== undefined) found.add(link.target);
  }
  return found;
}

async function removeLinks(host: Host, before: readonly string[]): Promise<string[]> {
  const bridges = bridgesOf(await saidBy(host, 'ip', ['-o', 'link', 'show']));
  const isFresh = (name: string) => podLinks.test(name) && !before.includes(name);
  const isOurs = (name: string) => isFresh(name) && isFresh(bridges.get(name) ?? name);
  for (const name of (await linkNames(host)).filter(isOurs)) {
    await host.processes.run('ip', ['link', 'delete', name]); // a veth takes its peer along: that may be gone
  }
  return (await linkNames(host)).filter(isOurs);
}
