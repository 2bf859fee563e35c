// Preflight on a real host: it changes nothing, and faults that are really made there are found by
// the check that is meant, and by no other. The API server stands for the gateway: something that
// answers over TLS on the line.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExplainedReport } from '../../agent/preflight/report-schema.ts';
import { explainedReportSchema } from '../../agent/preflight/report-schema.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { payloadFile } from '../../scripts/sandbox/registration.ts';
import { type Sandbox, startSandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, observe } from './observation.ts';

const gateway = ['--gateway', 'https://10.77.0.1:6443'];
const kernelState = `cat /proc/modules 2>/dev/null; sysctl -a 2>/dev/null | grep -E '^net\\.|^vm\\.|^fs\\.(inotify|mqueue)|^kernel\\.(panic|keys|pid_max)' | grep -v stat_refresh
ip address; ip rule; ip xfrm policy; ip xfrm state; cat /proc/self/mountinfo; systemctl list-units --all --plain --no-legend | awk '{print $1, $3}'`;

let sandbox: Sandbox;
let host: SandboxHost;
let good: ExplainedReport;

beforeAll(async () => {
  sandbox = await startSandbox({ name: 'e2e-preflight-faults' });
  host = await sandbox.addHost({ name: 'idc-1' });
  await host.run('mkdir', ['-p', '/opt/regnode']);
  await host.copyIn(await payloadFile(), '/root/payload.tar.gz');
  await shell('tar -xzf /root/payload.tar.gz -C /opt/regnode');
  good = await preflight();
});
afterAll(() => sandbox?.stop());

test('the host can join, in less than two seconds without and ten with the line', async () => {
  expect(saying(good, 'fail')).toEqual([]);
  expect(good.verdict).toBe('can-join');
  expect(good.durationMs).toBeLessThan(10_000);
  expect((await preflight([])).durationMs).toBeLessThan(2000);
});

test('preflight changes nothing: not a file, not a rule, not a setting, not a unit', async () => {
  const state = async () => ({
    observed: await observe(host),
    kernel: (await shell(kernelState)).split('\n'),
  });
  const before = await state();
  await preflight([...gateway, '--network', 'cilium', '--kubernetes-version', 'v1.36.0']);
  await preflight([...gateway, '--network', 'external']);
  const after = await state();
  expect(difference(before.observed, after.observed)).toEqual([]);
  expect(after.kernel.filter((line) => !before.kernel.includes(line))).toEqual([]);
  expect(before.kernel.filter((line) => !after.kernel.includes(line))).toEqual([]);
});

describe('a fault that is really made', () => {
  const faults: readonly (readonly [
    what: string,
    code: string,
    verdict: string,
    make: string,
    undo: string,
  ])[] = [
    [
      'a program on the port of the kubelet',
      'PORTS_FREE',
      'fail',
      'systemd-run --quiet --unit=thief socat TCP-LISTEN:10250,fork - && until ss -ltn | grep -q :10250; do :; done',
      'systemctl stop thief',
    ],
    ['a small MTU', 'LINE_MTU', 'fail', 'ip link set eth0 mtu 1200', 'ip link set eth0 mtu 1500'],
    [
      'a static pod of another cluster',
      'CLUSTER_LEFTOVERS',
      'fail',
      'mkdir -p /etc/kubernetes/manifests && echo kind: Pod > /etc/kubernetes/manifests/etcd.yaml',
      'rm -r /etc/kubernetes',
    ],
    [
      'a kubelet of another cluster',
      'CLUSTER_LEFTOVERS',
      'fail',
      'systemd-run --quiet --unit=kubelet sleep 1000',
      'systemctl stop kubelet',
    ],
    [
      'a containerd of somebody else',
      'FOREIGN_CONTAINERD',
      'fail',
      'systemd-run --quiet --unit=containerd sleep 1000',
      'systemctl stop containerd',
    ],
    [
      "the configuration of Docker's package",
      'CONTAINERD_CONFIGURATION',
      'warn',
      `mkdir /etc/containerd && echo 'disabled_plugins = ["cri"]' > /etc/containerd/config.toml`,
      'rm -r /etc/containerd',
    ],
    [
      'a filter that drops what is forwarded',
      'PACKET_FILTER',
      'warn',
      'iptables -P FORWARD DROP',
      'iptables -P FORWARD ACCEPT',
    ],
    [
      'an IPsec policy that takes the way to the gateway',
      'PRIVATE_LINE',
      'fail',
      'ip xfrm policy add src 10.77.0.0/24 dst 10.77.0.0/24 dir out tmpl proto esp mode transport level use',
      'ip xfrm policy flush',
    ],
    [
      'a full disk under /var/lib/containerd',
      'DISK_SPACE',
      'fail',
      'mount -t tmpfs -o size=100m tmpfs /var/lib/containerd',
      'umount /var/lib/containerd',
    ],
    [
      'a file that turns forwarding off at the next boot',
      'SYSCTL_CONFLICTS',
      'warn',
      'mkdir -p /etc/sysctl.d && echo net.ipv4.ip_forward=0 > /etc/sysctl.d/50-hardening.conf',
      'rm /etc/sysctl.d/50-hardening.conf',
    ],
    [
      'a proxy without exceptions',
      'PROXY_BYPASS',
      'warn',
      'echo https_proxy=http://user:hunter2@10.77.0.9:3128 >> /etc/environment',
      'sed -i /hunter2/d /etc/environment',
    ],
    [
      'another os-release',
      'OPERATING_SYSTEM',
      'fail',
      `cp /etc/os-release /root/kept && printf 'ID=centos\\nVERSION_ID=7\\nPRETTY_NAME="CentOS Linux 7 (Core)"\\n' > /etc/os-release`,
      'mv /root/kept /etc/os-release',
    ],
  ];

  test.each(faults)('%s is %s', async (_, code, verdict, make, undo) => {
    await shell(make);
    try {
      const report = await preflight();
      const changed = report.checks.filter(
        (check) => check.cause !== code && check.verdict !== verdictOf(good, check.code),
      );
      expect(changed.map((check) => [check.code, check.verdict])).toEqual([[code, verdict]]);
      expect(JSON.stringify(report)).not.toContain('hunter2');
      expect(report.verdict).toBe(verdict === 'fail' ? 'cannot-join' : 'can-join');
    } finally {
      await shell(undo);
    }
  });

  test('a line that is cut', async () => {
    await host.cutLink();
    try {
      const report = await preflight();
      expect(saying(report, 'fail')).toEqual(['LINK_STATE']);
      expect(report.durationMs).toBeLessThan(10_000);
    } finally {
      await host.restoreLink();
    }
  });

  test('a slow line', async () => {
    await host.shapeLink({ delayMs: 150 });
    try {
      // A cable that has just been plugged into something else may lose its first frames.
      await waitFor(
        'a slow line to be found',
        async () => saying(await preflight(), 'warn').includes('GATEWAY_CONNECTION'),
        { timeoutMs: 30_000 },
      );
    } finally {
      await host.shapeLink();
    }
  });

  test('a VPN under the name of an ordinary device', async () => {
    await shell(
      'ip tuntap add dev eth9 mode tap && ip addr add 10.99.0.2/24 dev eth9 && ip link set eth9 up && ip route add 10.77.0.1/32 dev eth9 src 10.77.0.11',
    );
    try {
      const report = await preflight();
      expect(saying(report, 'fail')).toContain('PRIVATE_LINE');
      expect(report.checks.find((check) => check.code === 'PRIVATE_LINE')?.message).toContain('eth9: tun');
    } finally {
      await shell('ip link delete eth9');
    }
  });

  test('and nothing of them is left', async () => {
    const report = await preflight();
    expect(report.checks.filter((check) => check.verdict !== verdictOf(good, check.code))).toEqual([]);
  });
});

async function preflight(args: readonly string[] = gateway): Promise<ExplainedReport> {
  const result = await host.run('/opt/regnode/bin/regnode', ['preflight', '--json', ...args]);
  const report = explainedReportSchema.parse(JSON.parse(result.stdout));
  expect(result.exitCode, result.stderr).toBe(report.verdict === 'can-join' ? 0 : 3);
  return report;
}

function saying(report: ExplainedReport, verdict: string): readonly string[] {
  return report.checks.filter((check) => check.verdict === verdict).map((check) => check.code);
}

function verdictOf(report: ExplainedReport, code: string): string | undefined {
  return report.checks.find((check) => check.code === code)?.verdict;
}

async function shell(script: string): Promise<string> {
  const result = await host.run('bash', ['-s'], { input: script });
  if (result.exitCode !== 0) throw new Error(`${script}: ${result.stderr}`);
  return result.stdout;
}
