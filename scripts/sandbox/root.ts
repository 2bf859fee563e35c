// The root file system of the hosts: made once by debootstrap, kept in the cache under a key of what goes
// into it, and never written again. Each host has an overlay on it.
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mainArchive } from '../machine/apt.ts';
import { cached } from '../machine/cache.ts';
import { run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';
import { identityFiles } from './identity.ts';
import { cloudAddress, hostAddress, podSubnet } from './line.ts';
import { ensureMachinePackages } from './packages.ts';
import type { HostState } from './registry.ts';

/** What an ordinary server of the TencentOS families has too, under whatever package name. */
const packages = [
  ...[
    'ca-certificates',
    'conntrack',
    'curl',
    'dbus',
    'ethtool',
    'iproute2',
    'iptables',
    'iputils-ping',
    'kmod',
  ],
  ...['mount', 'openssl', 'procps', 'rpm', 'socat', 'systemd', 'systemd-sysv', 'util-linux', 'xz-utils'],
];

/**
 * Units that would change a host's files while a test compares them, or that make no sense in a container.
 */
const masked = [
  ...[
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
    'e2scrub_all.timer',
    'fstrim.timer',
  ],
  ...['console-getty.service', 'getty.target', 'systemd-tmpfiles-clean.timer'],
];

/**
 * The hierarchies of cgroup v1 arrive read-only in a container; its systemd,
 * containerd and kubelet write them.
 */
const cgroupUnit = `[Unit]
Description=Make the cgroup hierarchies writable (sandbox)
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for place in /sys/fs/cgroup/*; do ! mountpoint -q $place || mount -o remount,bind,rw $place; done'
[Install]
WantedBy=sysinit.target
`;

export async function baseRoot(progress: Progress): Promise<string> {
  const archive = await mainArchive();
  const recipe = JSON.stringify({ suite: archive.suite, packages, masked, cgroupUnit, form: 1 });
  const key = createHash('sha256').update(recipe).digest('hex').slice(0, 12);
  return cached(`host-root/${archive.suite}-${key}`, progress, (staging) =>
    progress.step('making the root file system of the hosts with debootstrap', async () => {
      // A template asks for it before any sandbox has been started.
      await ensureMachinePackages(progress);
      const keyring = archive.keyring === undefined ? [] : [`--keyring=${archive.keyring}`];
      const include = `--include=${packages.join(',')}`;
      const args = ['--variant=minbase', include, ...keyring, archive.suite, staging, archive.uri];
      await run('debootstrap', args, { timeoutMs: 20 * 60_000 });
      await finish(staging);
    }),
  );
}

async function finish(root: string): Promise<void> {
  await run('rm', [
    '-rf',
    join(root, 'var/cache/apt'),
    join(root, 'var/lib/apt/lists'),
    join(root, 'var/log/bootstrap.log'),
  ]);
  await rm(join(root, 'etc/machine-id'), { force: true });
  await rm(join(root, 'var/lib/dbus/machine-id'), { force: true });
  const units = join(root, 'etc/systemd/system');
  for (const unit of masked) await symlink('/dev/null', join(units, unit));
  await writeFile(join(units, 'sandbox-cgroups.service'), cgroupUnit);
  await mkdir(join(units, 'sysinit.target.wants'), { recursive: true });
  await symlink('../sandbox-cgroups.service', join(units, 'sysinit.target.wants/sandbox-cgroups.service'));
}

/** Writes the files that make a root this host's own. `root` is its mounted overlay. */
export async function personalise(root: string, host: HostState, machineId: string): Promise<void> {
  const files: Record<string, string> = {
    ...identityFiles(host.identity),
    'etc/hostname': `${host.name}\n`,
    'etc/machine-id': `${machineId}\n`,
    'etc/hosts': `127.0.0.1 localhost\n${hostAddress(host.index)} ${host.name}\n`,
    // Nobody answers there, and says so: a look-up fails at once.
    'etc/resolv.conf': `nameserver ${cloudAddress}\noptions timeout:1 attempts:1\n`,
    'etc/cni/net.d/10-sandbox.conflist': `${JSON.stringify(networkConfiguration(host), undefined, 2)}\n`,
  };
  for (const [path, content] of Object.entries(files)) {
    const place = join(root, path);
    await mkdir(dirname(place), { recursive: true });
    // Debian's /etc/os-release is a link.
    await rm(place, { force: true });
    await writeFile(place, content);
  }
  await maskGenerators(root);
}

/**
 * Each reload of the host's systemd runs them all, twelve programs that find nothing here (no disks to
 * mount or to decrypt, no console): they took three quarters of it, and a join and its leave reload it
 * several times.
 */
async function maskGenerators(root: string): Promise<void> {
  const masks = join(root, 'etc/systemd/system-generators');
  await mkdir(masks, { recursive: true });
  for (const name of await readdir(join(root, 'usr/lib/systemd/system-generators')))
    await symlink('/dev/null', join(masks, name));
}

/** The network that the cluster brings itself (network.mode external): the reference bridge plugin. */
function networkConfiguration(host: HostState) {
  return {
    cniVersion: '0.4.0',
    name: 'sandbox',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: podSubnet(host.index) }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}
