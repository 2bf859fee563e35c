// What a bug report holds: this list and nothing else. A section names the fields that it takes; what it
// doesn't name stays on the host. `free` ones hold text that programs wrote (logs), or names that others
// choose (of nodes, of registries, of what any user mounts): they are cleaned before they go in. In the
// others a secret is a mistake of ours, and no report is made.
import { X509Certificate } from 'node:crypto';
import { clusterInUse } from '../components/cluster.ts';
import { paths } from '../config/paths.ts';
import { kubeletCertificate } from '../doctor/observation/cluster.ts';
import type { Host } from '../host/host.ts';
import { readJournal } from '../plan/journal.ts';
import { networkFiles, pluginsOf } from '../preflight/observation/pod-network.ts';
import type { JoinedNode } from '../state/joined-node.ts';
import {
  journalOf,
  kernelJournal,
  ownJournal,
  routesArguments,
  serviceFields,
  services,
} from './commands.ts';
import { describeEnvironment } from './environment.ts';
import { keptLines } from './kept-lines.ts';
import { reportedSettings } from './reported-settings.ts';

interface Source {
  readonly host: Host;
  readonly node: JoinedNode | undefined;
}

export interface Section {
  readonly name: string;
  /** Written or named by others, so anything may stand in it. */
  readonly free?: true;
  /** undefined: there is nothing of that kind on this host. */
  read(source: Source): Promise<string | object | undefined>;
}

const log = (name: string, args: readonly string[]): Section => ({
  name: `logs/${name}.log`,
  free: true,
  async read({ host }) {
    const { exitCode, stdout, outcome } = await host.processes.run('journalctl', args);
    return exitCode === 0 ? stdout : `journalctl: ${outcome}\n`;
  },
});

export const sections: readonly Section[] = [
  {
    name: 'status.json',
    // Faults quote what the other side said.
    free: true,
    async read({ node }) {
      if (node?.daemon === undefined) return undefined;
      const { gateway, ...rest } = node.daemon;
      return { ...rest, gateway: withoutUser(gateway) };
    },
  },
  {
    name: 'node.json',
    free: true,
    async read({ node }) {
      if (node === undefined) return undefined;
      const { phase, identity, desired } = node.state;
      const { nodeName, pool, address, gatewayUrl } = identity;
      return {
        phase,
        identity: {
          nodeName,
          pool,
          address,
          gatewayUrl: withoutUser(gatewayUrl),
          apiServerUrl: withoutUser(clusterInUse(node.state).apiServerUrl),
        },
        desired: {
          revision: desired.revision,
          ...reportedSettings(desired),
          artifacts: desired.artifacts.map(({ component, version, sha256 }) => ({
            component,
            version,
            sha256,
          })),
        },
      };
    },
  },
  { name: 'inventory.json', free: true, read: ({ host }) => host.inventory() },
  {
    name: 'changes.json',
    free: true,
    async read({ host }) {
      const journal = await readJournal(host, { tolerant: true });
      if (journal === undefined) return undefined;
      const entries = journal.entries.map(({ number, at, kind, key }) => ({ number, at, kind, key }));
      return { entries, damage: journal.damage.map(({ line }) => line), torn: journal.torn };
    },
  },
  {
    name: 'certificates.json',
    free: true,
    async read({ host }) {
      const places = [paths.certificate, paths.authority, paths.clusterAuthority, kubeletCertificate];
      const read = await Promise.all(
        places.map(async (path) => [path, certificatesIn(await host.files.readText(path))] as const),
      );
      return Object.fromEntries(read);
    },
  },
  {
    name: 'services.json',
    free: true,
    async read({ host }) {
      const { stdout } = await host.processes.run('systemctl', [
        `show`,
        `--property=${serviceFields}`,
        ...services,
      ]);
      const names = new Set(serviceFields.split(','));
      return stdout.split(/\n\s*\n/).map((block) =>
        Object.fromEntries(
          block
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
            .filter(([name]) => names.has(name)),
        ),
      );
    },
  },
  log('regnode', journalOf('regnode')),
  log('kubelet', journalOf('kubelet')),
  log('containerd', journalOf('containerd')),
  log('kernel', kernelJournal),
  log('bugreports', ownJournal),
  {
    name: 'configuration/kubelet.txt',
    free: true,
    read: async ({ host }) => keptLines('kubelet', await host.files.readText(paths.kubeletConfiguration)),
  },
  {
    name: 'configuration/containerd.txt',
    free: true,
    read: async ({ host }) =>
      keptLines('containerd', await host.files.readText(paths.containerdConfiguration)),
  },
  {
    name: 'configuration/pod-network.json',
    free: true,
    async read({ host }) {
      const files = await networkFiles(host);
      const plugins = await Promise.all(
        files.map(async (name) => {
          const text = await host.files.readText(`${paths.cniConfiguration}/${name}`, 1024 * 1024);
          return [name, pluginsOf(text ?? '') ?? 'unreadable'] as const;
        }),
      );
      return {
        files: Object.fromEntries(plugins),
        programs: (await host.files.list(paths.cniBinaries)) ?? [],
      };
    },
  },
  {
    name: 'configuration/resolver.txt',
    free: true,
    read: async ({ host }) => keptLines('resolver', await host.files.readText('/etc/resolv.conf')),
  },
  { name: 'configuration/environment.json', read: ({ host }) => describeEnvironment(host) },
  {
    name: 'host/os-release.txt',
    read: async ({ host }) => keptLines('osRelease', await host.files.readText('/etc/os-release')),
  },
  {
    name: 'host/memory.txt',
    read: async ({ host }) => keptLines('memory', await host.files.readText('/proc/meminfo')),
  },
  {
    name: 'host/kernel.json',
    async read({ host }) {
      const load = /^[\d. /]+/.exec((await host.files.readText('/proc/loadavg')) ?? '')?.[0];
      const settings = await Promise.all(
        kernelSettings.map(async (name) => [name, (await host.sysctl(name)) ?? 'absent'] as const),
      );
      return { ...(await host.kernel()), load, settings: Object.fromEntries(settings) };
    },
  },
  {
    name: 'host/mounts.json',
    free: true,
    // Options of a mount may hold a password (cifs): only the words that say how it behaves.
    read: async ({ host }) =>
      (await host.mounts()).map(({ path, fileSystem, options }) => ({
        path,
        fileSystem,
        options: options.filter((option) => mountWords.test(option)),
      })),
  },
  {
    name: 'host/room.json',
    async read({ host }) {
      const there = ['/', '/var/lib/containerd', '/var/lib/kubelet', paths.state, '/var/log', '/opt'];
      const rooms = await Promise.all(
        there.map(async (path) =>
          (await host.files.exists(path)) ? [[path, await host.files.space(path)] as const] : [],
        ),
      );
      return Object.fromEntries(rooms.flat());
    },
  },
  {
    name: 'host/network.json',
    free: true,
    async read({ host }) {
      const { stdout } = await host.processes.run('ip', routesArguments);
      const routes = routesIn(stdout);
      return { interfaces: await host.network.interfaces(), routes };
    },
  },
];

/** Lines of `ip route` that say nothing but the way. */
export function routesIn(printed: string): string[] {
  return printed.split('\n').filter((line) => routeLine.test(line.trim()));
}

const mountWords =
  /^(?:rw|ro|(?:no)?(?:suid|dev|exec|atime|diratime)|relatime|discard|size=\w+|mode=\d+|p?quota|inode(?:32|64))$/;
/** Each word has one meaning only: a line of a thousand is read once. */
const routeLine =
  /^(?:(?:unreachable|blackhole|prohibit|local|broadcast) )?(?:default|[\da-f.:/]+)(?: (?:(?:via(?: inet6?)?|dev|src|proto|scope|metric|mtu(?: lock)?|advmss|pref|weight) [\w.:/@-]{1,45}|onlink|linkdown|dead|nexthop))*$/;
const kernelSettings = [
  'net.ipv4.ip_forward',
  'net.bridge.bridge-nf-call-iptables',
  'vm.overcommit_memory',
  'kernel.panic',
  'kernel.panic_on_oops',
  'kernel.pid_max',
  'fs.inotify.max_user_watches',
  'fs.inotify.max_user_instances',
];

function withoutUser(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)';
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.host}`;
}

/** What anybody may know of a certificate. */
function certificatesIn(pem: string | undefined): readonly object[] | string {
  if (pem === undefined) return 'absent';
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => {
      const { subject, issuer, serialNumber, validFrom, validTo, fingerprint256 } = new X509Certificate(
        block,
      );
      return { subject, issuer, serialNumber, validFrom, validTo, fingerprint256 };
    });
  } catch {
    return 'damaged';
  }
}
