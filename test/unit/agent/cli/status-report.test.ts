// What `regnode status` prints of a daemon's status, in both languages.
import { expect, test } from 'vitest';
import { renderStatus } from '../../../../agent/cli/status-report.ts';
import { words } from '../../../../agent/cli/status-words.ts';
import { type DaemonStatus, daemonStatusSchema } from '../../../../agent/state/status.ts';

const running = daemonStatusSchema.parse({
  version: 1,
  writtenAtMs: 1,
  pid: 7,
  nodeName: 'idc-1',
  pool: 'idc',
  gateway: 'https://10.77.0.1',
  phase: 'Running',
  detail: '',
  tunnel: {
    state: 'Open',
    proxy: 'http://10.0.0.9:3128',
    attempts: 1,
    lastFault: '',
    replica: 'gateway-1',
    streams: 2,
    unacknowledgedBytes: 1025,
    unacknowledgedLimitBytes: 4194304,
  },
  certificate: { expiresAt: '2027-01-01T00:00:00Z', renewsAt: '', fault: '' },
  reconcile: { revision: 'r1', at: '', steps: 0, fault: '' },
  versions: { kubelet: 'v1.20.2' },
  services: { kubeletHealthy: true, containerdHealthy: true },
  defects: 0,
  telemetry: { produced: 9, acknowledged: 7, pending: 2, lost: 0 },
} satisfies Record<
  keyof Omit<
    DaemonStatus,
    'addresses' | 'cluster' | 'conflict' | 'pods' | 'health' | 'line' | 'upgrades' | 'drift' | 'store'
  >,
  unknown
>);

const { services: _, ...unasked } = running;

function row(status: DaemonStatus, title: string, language: 'en' | 'zh' = 'en'): string {
  const lines = renderStatus(status, language).split('\n');
  return lines.find((line) => line.replace(/^\[\S+\] +/, '').startsWith(title)) ?? '';
}

test('a node that runs well', () => {
  expect(renderStatus(running, 'en')).toMatchInlineSnapshot(`
    "[ok]   node         idc-1 (idc)
    [ok]   tunnel       Open → https://10.77.0.1, replica gateway-1 through the proxy http://10.0.0.9:3128
    [ok]   streams      2 open, 2 of 4096 KiB kept for a resumption
    [ok]   certificate  good until 2027-01-01T00:00:00Z
    [..]   cluster      the gateway has not said
    [ok]   phase        Running
    [ok]   reconcile    r1
    [ok]   versions     kubelet v1.20.2
    [ok]   drift        none
    [ok]   kubelet      healthy
    [ok]   containerd   healthy
    [..]   pods         not asked yet
    [ok]   telemetry    7 acknowledged, 2 pending, 0 lost
    "
  `);
});

test('the same in Chinese, in columns', () => {
  expect(renderStatus(running, 'zh')).toMatchInlineSnapshot(`
    "[ok]   节点         idc-1 (idc)
    [ok]   隧道         Open → https://10.77.0.1，副本 gateway-1，经代理 http://10.0.0.9:3128
    [ok]   数据流       2 条打开，为断线续传保留 2 / 4096 KiB
    [ok]   证书         有效期至 2027-01-01T00:00:00Z
    [..]   集群         网关尚未告知
    [ok]   阶段         Running
    [ok]   配置版本     r1
    [ok]   组件版本     kubelet v1.20.2
    [ok]   配置漂移     无
    [ok]   kubelet      正常
    [ok]   containerd   正常
    [..]   Pod          尚未检查
    [ok]   监控数据     已确认 7 条，待发送 2 条，丢失 0 条
    "
  `);
});

test('addresses as the gateway judged them: its own, or why not', () => {
  expect(row({ ...running, addresses: { addresses: ['10.77.0.11'] } }, 'addresses')).toBe(
    '[ok]   addresses    10.77.0.11',
  );
  const refused = { address: '10.77.0.99', detail: 'it belongs to the Node cloud-1' };
  expect(row({ ...running, addresses: { addresses: ['10.77.0.11'], refused } }, 'addresses')).toMatch(
    /^\[fail\] addresses {4}10\.77\.0\.99 is not the node’s own: it belongs to the Node cloud-1/,
  );
});

test('another host with the identity of this one is said on both, with what to do', () => {
  const values = { name: 'idc-1', holder: 'idc-1 at 10.77.0.11, boot 1a2b3c4d' };
  const refused = { ...running, conflict: { code: 'IDENTITY_IN_USE', values } };
  expect(row(refused, 'identity')).toMatch(
    /^\[fail\] identity {5}IDENTITY_IN_USE: .*10\.77\.0\.11, boot 1a2b3c4d/,
  );
  expect(renderStatus(refused, 'en')).toMatch(/\n {7}→ .*systemd-machine-id-setup/);
  const shared = { holder: 'idc-1 at 10.77.0.11', refused: 'idc-1 at 10.77.0.12', detail: 'IDENTITY_IN_USE' };
  const holding = { ...running, conflict: { code: 'IDENTITY_SHARED', values: shared } };
  expect(row(holding, '身份', 'zh')).toMatch(/IDENTITY_SHARED: .*10\.77\.0\.12/);
  expect(row(running, 'identity')).toBe('');
});

test.each([
  [{ ready: 'True', message: 'kubelet is posting ready status' }, '[ok]   cluster      Ready'],
  [{ ready: 'False', message: 'runtime is down' }, '[fail] cluster      NotReady: runtime is down'],
  [{ ready: 'Unknown', message: '' }, '[fail] cluster      NotReady'],
  [{ ready: 'Absent', message: '' }, '[fail] cluster      the cluster has no Node of this name'],
] as const)('how the cluster sees it: %j', (cluster, line) => {
  expect(row({ ...running, cluster }, 'cluster')).toBe(line);
});

test('pods: how many run, and that none does', () => {
  const pods = { assigned: 3, running: 2 };
  expect(row({ ...running, pods }, 'pods')).toBe('[ok]   pods         2 run, 3 known to the kubelet');
  const finding = { code: 'NO_POD_RUNS', condition: 'NoPodRuns', severity: 'critical', since: '' } as const;
  const health = [{ ...finding, dependsOn: [], values: { assigned: 3 }, message: '', remedy: '' }];
  expect(row({ ...running, pods: { ...pods, running: 0 }, health }, 'pods')).toMatch(/^\[fail\] pods/);
});

test('a service that was not asked yet is neither well nor broken', () => {
  expect(row(unasked, 'kubelet')).toBe('[..]   kubelet      not asked yet');
  expect(row({ ...running, services: { kubeletHealthy: false, containerdHealthy: true } }, 'kubelet')).toBe(
    '[fail] kubelet      not healthy',
  );
});

test('downloads that wait are told as long as there are any', () => {
  expect(row(running, 'downloads')).toBe('');
  expect(row({ ...running, store: { files: 2, bytes: 1024 ** 2 + 1 } }, 'downloads')).toBe(
    '[ok]   downloads    2 not unpacked, 2 MiB',
  );
});

test('what ails the node follows, a consequence in one line', () => {
  const since = '2026-01-01T00:00:00Z';
  const rest = { since, condition: 'RegnodeKubelet', dependsOn: [], values: {}, message: '', remedy: '' };
  const health = [
    { ...rest, code: 'KUBELET_UNHEALTHY', severity: 'critical' },
    { ...rest, code: 'TUNNEL_DOWN', severity: 'warning', cause: 'KUBELET_UNHEALTHY' },
  ];
  const text = renderStatus(daemonStatusSchema.parse({ ...running, health }), 'zh');
  expect(text).toContain(`[fail] KUBELET_UNHEALTHY  始于 ${since}\n`);
  expect(text).toContain(`[warn] TUNNEL_DOWN  始于 ${since}  由 KUBELET_UNHEALTHY 引起\n`);
});

test('every word has both languages', () => {
  const { titles, ...rest } = words;
  for (const { en, zh } of [...Object.values(titles), ...Object.values(rest)]) {
    expect(en).not.toBe('');
    expect(zh).not.toBe('');
  }
});
