// Giving a host back. A live bind mount of /etc below /var/lib/kubelet survives a leave (eks-hybrid#664,
// word for word), so does whatever the host's owner put into folders that we share, and files of ours that
// he changed; a leave without a gateway says so and needs --force, and lists what it could not do. After
// each the host is what it was.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  readyStatus,
  regnodectl,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, type Observation, observe } from './observation.ts';

let sandbox: Sandbox;
let host: SandboxHost;
/** As its owner had it: with a containerd configuration, plugins and files of his own where ours will be. */
let before: Observation;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-leave' });
  host = await sandbox.addHost({ name: 'idc-1' });
  await shell(`
    mkdir -p /etc/containerd/certs.d/own.test /opt/cni/bin /etc/sysctl.d /etc/modules-load.d
    echo 'version = 2 # of the owner' > /etc/containerd/config.toml && chmod 640 /etc/containerd/config.toml
    echo 'server = "https://own.test"' > /etc/containerd/certs.d/own.test/hosts.toml
    printf '#!/bin/sh\\n' > /opt/cni/bin/own-plugin && chmod 755 /opt/cni/bin/own-plugin
    printf '#!/bin/sh\\n' > /opt/cni/bin/loopback && chmod 711 /opt/cni/bin/loopback && chown 7:7 /opt/cni/bin/loopback
    echo 'vm.swappiness = 10' > /etc/sysctl.d/50-own.conf
    echo precious > /var/lib/kubelet/kept-by-its-owner && chmod 600 /var/lib/kubelet/kept-by-its-owner
    ln -s /etc/hostname /var/lib/kubelet/link-of-its-owner
    ln -sfn /etc/containerd/certs.d /etc/containerd/alias`);
  await join();
  await leave();
  await shell('ls /opt/regnode/bin/regnode'); // the program stays: uninstalling it is e2e join's
  before = await observe(host);
});
afterAll(() => sandbox?.stop());
afterEach(async () => {
  // Whatever a failed test left is no other test's business.
  await host.run('regnode', ['leave', '--force', '--yes'], { timeoutMs: 180_000 });
});

test('what was there before the first join is there after its leave', async () => {
  const kept = await shell(
    'cat /etc/containerd/config.toml /var/lib/kubelet/kept-by-its-owner; stat -c "%a %u" /etc/containerd/config.toml /opt/cni/bin/loopback; readlink /etc/containerd/alias /var/lib/kubelet/link-of-its-owner',
  );
  expect(kept.trim().split('\n')).toEqual([
    'version = 2 # of the owner',
    'precious',
    '640 0',
    '711 7',
    '/etc/containerd/certs.d',
    '/etc/hostname',
  ]);
  expect(await shell('sysctl -n net.ipv4.ip_forward')).toBe('0\n');
});

describe('eks-hybrid#664: a live bind mount below /var/lib/kubelet', () => {
  test('of /etc, in a pod’s volume and beside it, also of a shared tree with mounts of its own', async () => {
    await join();
    await runPod(sandbox, 'with-volume', 'idc-1');
    const uid = await kubectl(sandbox, ['get', 'pod', 'with-volume', '-o', 'jsonpath={.metadata.uid}']);
    const volume = `/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~local-volume/etc`;
    await shell(`
      mkdir -p ${volume} /var/lib/kubelet/plugins/csi/etc /var/lib/containerd/stray /etc/own-mount
      mount --bind /etc ${volume}
      mount -t tmpfs -o size=1m tmpfs /etc/own-mount && echo inside > /etc/own-mount/file
      mount --make-shared /etc/own-mount
      mount --rbind /etc /var/lib/kubelet/plugins/csi/etc
      mount --bind / /var/lib/containerd/stray`);
    const passwd = await shell('sha256sum /etc/passwd /etc/shadow /etc/fstab; find /etc | sort | sha256sum');
    try {
      // Without a drain: the kubelet would not end a pod in whose folder it finds a
      // mount that it does not know.
      const { kept } = await leave(['--no-drain']);
      expect(kept).toEqual([]);
      // Without what regnode itself had put under /etc the tree is other than while
      // joined: that is compared below.
      expect(await shell('sha256sum /etc/passwd /etc/shadow /etc/fstab')).toBe(
        passwd.split('\n').slice(0, 3).join('\n').concat('\n'),
      );
      expect(await shell('cat /etc/own-mount/file')).toBe('inside\n');
      expect(await shell('findmnt -n -o TARGET /etc/own-mount')).toBe('/etc/own-mount\n');
    } finally {
      await shell('umount /etc/own-mount && rmdir /etc/own-mount');
      // Nobody owns it, so it would wait for the next node of this name.
      await kubectl(sandbox, ['delete', 'pod', 'with-volume', '--force', '--grace-period=0']);
    }
    expect(difference(before, await observe(host))).toEqual([]);
  });
});

test('the owner’s own files in folders that we share stay, and what he changed of ours is listed and stays', async () => {
  await join();
  await shell(`
    echo mine > /etc/containerd/mine.toml && echo mine > /opt/cni/bin/mine
    echo '{"plugins":[]}' > /etc/cni/net.d/99-mine.conflist && echo mine > /etc/kubernetes/mine.conf
    echo '# edited by hand' >> /etc/sysctl.d/90-regnode.conf
    rm /opt/cni/bin/portmap && echo other > /opt/cni/bin/portmap`);
  const { kept } = await leave();
  expect(kept.join('\n')).toContain('/etc/sysctl.d/90-regnode.conf was changed since');
  expect(kept.join('\n')).toContain('/opt/cni/bin/portmap');
  expect(kept.join('\n')).toContain('/etc/kubernetes holds what is not ours: mine.conf');
  const places = [
    '/etc/containerd/mine.toml',
    '/opt/cni/bin/mine',
    '/opt/cni/bin/portmap',
    '/etc/cni/net.d/99-mine.conflist',
    '/etc/kubernetes/mine.conf',
    '/etc/sysctl.d/90-regnode.conf',
  ];
  const left = difference(before, await observe(host)).filter(
    (line) => !places.some((place) => line.includes(` ${place} `)) && !/ \/etc\/kubernetes \d+ /.test(line),
  );
  expect(left).toEqual([]);
  await shell(`rm ${places.join(' ')} && rmdir /etc/kubernetes`);
  expect(difference(before, await observe(host))).toEqual([]);
});

describe('a path that not even root may change (chattr +i)', () => {
  test('at a join: refused before the first change, with what takes it off', async () => {
    await shell('chattr +i /etc/sysctl.d');
    try {
      const refused = await pasteJoinCommand(host, await createJoinCommand(sandbox));
      expect(refused.exitCode).toBe(3);
      expect(refused.stderr).toContain('PATH_PROTECTED');
      expect(refused.stderr).toContain('chattr -i /etc/sysctl.d');
    } finally {
      await shell('chattr -i /etc/sysctl.d');
    }
    expect(difference(before, await observe(host))).toEqual([]);
  });

  test('at a leave: the rest goes, the cause is told, and the next leave tries only that', async () => {
    await join();
    await shell('chattr +i /etc/sysctl.d/90-regnode.conf');
    try {
      const left = await host.run('regnode', ['leave', '--yes', '--json'], { timeoutMs: 180_000 });
      expect(left.exitCode).toBe(1);
      const { error } = JSON.parse(left.stdout) as { error: { code: string; values: { detail: string } } };
      expect(error).toMatchObject({ code: 'LEAVE_INCOMPLETE', values: { count: 1 } });
      expect(error.values.detail).toContain('chattr -i /etc/sysctl.d/90-regnode.conf');
      expect(await shell('ls /var/lib/kubelet /etc/containerd')).not.toContain('90-regnode');
      expect(await readyStatus(sandbox, 'idc-1')).toBe('Absent');
    } finally {
      await shell('chattr -i /etc/sysctl.d/90-regnode.conf');
    }
    expect((await leave()).kept).toEqual([]);
    expect(difference(before, await observe(host))).toEqual([]);
  });
});

test('a budget that lets no pod go keeps the host, whole and taking pods, until the command says otherwise', async () => {
  await join();
  await runPod(sandbox, 'protected', 'idc-1');
  const versions = await kubectl(sandbox, ['api-versions']);
  const apiVersion = /^policy\/v1$/m.test(versions) ? 'policy/v1' : 'policy/v1beta1';
  const spec = { minAvailable: 1, selector: { matchLabels: { app: 'protected' } } };
  const budget = { apiVersion, kind: 'PodDisruptionBudget', metadata: { name: 'nobody-goes' }, spec };
  await kubectl(sandbox, ['apply', '-f', '-'], JSON.stringify(budget));
  try {
    const path = '{.status.currentHealthy}';
    await waitFor(
      'the budget to count its pod',
      async () =>
        (await kubectl(sandbox, ['get', 'pdb', 'nobody-goes', '-o', `jsonpath=${path}`])).trim() === '1',
      { timeoutMs: 60_000 },
    );
    const dry = await host.run('regnode', ['leave', '--dry-run'], { timeoutMs: 60_000 });
    expect(dry, dry.stderr).toMatchObject({ exitCode: 0 });
    expect(dry.stdout).toMatch(/stays until the end: default\/protected \(The disruption budget nobody-goes/);
    const refused = await host.run('regnode', ['leave', '--yes', '--drain-timeout', '10s'], {
      timeoutMs: 120_000,
    });
    expect(refused, refused.stderr).toMatchObject({ exitCode: 5 });
    expect(refused.stderr).toMatch(/ {5}default\/protected is still here: .*nobody-goes/);
    expect(refused.stderr).toContain('DRAIN_INCOMPLETE');
    expect(await shell('systemctl is-active kubelet containerd regnode')).toBe('active\nactive\nactive\n');
    const node = await kubectl(sandbox, ['get', 'node', 'idc-1', '-o', 'jsonpath={.spec.unschedulable}']);
    expect(node.trim()).toBe('');
    const removal = await sandbox.cloud.regnodectl(['node', 'remove', 'idc-1', '--yes', '--timeout', '5s'], {
      timeoutMs: 120_000,
    });
    expect(removal, removal.stderr).toMatchObject({ exitCode: 5 });
    expect(removal.stderr).toContain('nobody-goes');
    expect(await readyStatus(sandbox, 'idc-1')).toBe('True');
    await leave(['--no-drain']);
  } finally {
    await kubectl(sandbox, ['delete', 'pdb', 'nobody-goes']);
    await kubectl(sandbox, [
      'delete',
      'pod',
      'protected',
      '--force',
      '--grace-period=0',
      '--ignore-not-found',
    ]);
  }
  expect(difference(before, await observe(host))).toEqual([]);
});

test('without a gateway a leave says so and changes nothing; --force leaves, and lists that nobody was told', async () => {
  await join();
  await sandbox.cloud.stopGateway();
  const refused = await host.run('regnode', ['leave', '--json'], { timeoutMs: 120_000 });
  expect(refused.exitCode).toBe(5);
  expect(refused.stdout).toContain('GATEWAY_UNREACHABLE');
  expect(await shell('systemctl is-active kubelet containerd regnode')).toBe('active\nactive\nactive\n');
  const { kept } = await leave(['--force']);
  expect(kept).toHaveLength(1);
  expect(kept[0]).toContain('regnodectl node remove idc-1 --force');
  expect(difference(before, await observe(host))).toEqual([]);
  await sandbox.cloud.startGateway();
  await regnodectl(sandbox, ['node', 'remove', 'idc-1', '--force', '--yes']);
  expect(await readyStatus(sandbox, 'idc-1')).toBe('Absent');
});

test('one run at a time: the second exits 4 and names the first, whose death gives the lock back', async () => {
  await join();
  // A leave that is stopped in its tracks: it holds the lock, and nothing of it runs.
  await shell('systemd-run --quiet --unit=first-leave /opt/regnode/bin/regnode leave --yes');
  const pid = await waitFor(
    'the first to hold the lock',
    async () => {
      const holder = (await host.run('cat', ['/var/lib/regnode/lock'])).stdout;
      return /^(\d+) regnode leave/.exec(holder)?.[1];
    },
    { timeoutMs: 30_000, intervalMs: 20 },
  );
  await host.freeze(Number(pid));
  for (const command of ['leave', 'join']) {
    const second = await host.run('regnode', [command, '--json'], { timeoutMs: 60_000 });
    expect(second.exitCode, second.stderr).toBe(4);
    const { error } = JSON.parse(second.stdout) as { error: { code: string; values: object } };
    expect(error).toMatchObject({ code: 'BUSY', values: { command: 'regnode leave', pid: Number(pid) } });
  }
  await host.kill(Number(pid), 'SIGKILL');
  await leave();
  await shell('systemctl reset-failed first-leave');
  expect(difference(before, await observe(host))).toEqual([]);
});

async function join(): Promise<void> {
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-1');
}

async function leave(more: readonly string[] = []): Promise<{ kept: string[] }> {
  const left = await host.run('regnode', ['leave', '--yes', '--json', ...more], { timeoutMs: 180_000 });
  expect(left, left.stdout + left.stderr).toMatchObject({ exitCode: 0 });
  return JSON.parse(left.stdout) as { kept: string[] };
}

async function shell(script: string): Promise<string> {
  const result = await host.run('sh', ['-ec', script]);
  if (result.exitCode !== 0) throw new Error(`${script}: ${result.stderr}`);
  return result.stdout;
}
