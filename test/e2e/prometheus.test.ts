// Debian's Prometheus, scraping the gateway and taking its remote-write: what it answers is what
// the host's own /proc said. A counter must lie between a reading of /proc before and one after;
// nothing here is right by luck.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { SandboxPrometheus } from '../../scripts/sandbox/prometheus.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  pasteJoinCommand,
  regnodectl,
  startGatewayAndPool,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const patience = { timeoutMs: 60_000, intervalMs: 500 };
const scraped = '{job="gateway",node="idc-1",pool="idc"}';
const written = '{job="regnode",instance="idc-1",node="idc-1",pool="idc",cluster="e2e"}';

let sandbox: Sandbox;
let host: SandboxHost;
let prometheus: SandboxPrometheus;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-prometheus', gateway: false });
  const { cloud } = sandbox;
  const tokenFile = join(cloud.files.folder, 'scrape-token');
  await writeFile(tokenFile, `${randomBytes(16).toString('hex')}\n`);
  prometheus = await SandboxPrometheus.create(sandbox, [
    {
      job_name: 'gateway',
      static_configs: [{ targets: [new URL(cloud.statusUrl).host] }],
      authorization: { credentials_file: tokenFile },
    },
  ]);
  await prometheus.start();
  await startGatewayAndPool(
    sandbox,
    ['--metrics-interval', '1s', '--heartbeat-interval', '1s'],
    [
      ...['--scrape-token-file', tokenFile],
      ...['--remote-write-url', `${prometheus.url}/api/v1/write`],
      ...['--remote-write-ca-file', prometheus.caFile],
      ...['--remote-write-username', prometheus.username],
      ...['--remote-write-password-file', prometheus.passwordFile],
      ...['--remote-write-label', 'cluster=e2e'],
    ],
  );
  host = await sandbox.addHost({ name: 'idc-1' });
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
});
afterAll(async () => {
  await sandbox?.stop();
});

interface Reading {
  readonly atMs: number;
  readonly forks: number;
  readonly contextSwitches: number;
  readonly cpu0User: number;
  readonly cpu0Idle: number;
  readonly receivedBytes: number;
}

/** Counters as the host's own /proc says them. */
async function readProc(): Promise<Reading> {
  const { stdout } = await host.run('sh', ['-c', 'date +%s%3N; cat /proc/stat /proc/net/dev']);
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1]);
  const cpu0 = /^cpu0 (.*)$/m.exec(stdout)?.[1]?.split(' ') ?? [];
  return {
    atMs: number(/^(\d+)/),
    forks: number(/^processes (\d+)/m),
    contextSwitches: number(/^ctxt (\d+)/m),
    cpu0User: Number(cpu0[0]) / 100,
    cpu0Idle: Number(cpu0[3]) / 100,
    receivedBytes: number(/^\s*eth0:\s*(\d+)/m),
  };
}

const counters = {
  forks: 'node_forks_total',
  contextSwitches: 'node_context_switches_total',
  cpu0User: 'node_cpu_seconds_total{cpu="0",mode="user"}',
  cpu0Idle: 'node_cpu_seconds_total{cpu="0",mode="idle"}',
  receivedBytes: 'node_network_receive_bytes_total{device="eth0"}',
} as const satisfies Partial<Record<keyof Reading, string>>;

function selector(metric: string, labels: string): string {
  const [name = '', own = ''] = metric.split(/(?=\{)/, 2);
  return `${name}{${[own, labels]
    .map((set) => set.replace(/^\{|\}$/g, ''))
    .filter(Boolean)
    .join(',')}}`;
}

test('what does not change is exactly what /proc says, by both ways', async () => {
  const { stdout } = await host.run('sh', [
    '-c',
    'cat /proc/meminfo /proc/stat; cat /sys/class/net/eth0/mtu; grep -c "^cpu[0-9]" /proc/stat',
  ]);
  const lines = stdout.trimEnd().split('\n');
  const expected: Record<string, number> = {
    node_memory_MemTotal_bytes: Number(/^MemTotal:\s+(\d+)/m.exec(stdout)?.[1]) * 1024,
    node_memory_SwapTotal_bytes: Number(/^SwapTotal:\s+(\d+)/m.exec(stdout)?.[1]) * 1024,
    node_boot_time_seconds: Number(/^btime (\d+)/m.exec(stdout)?.[1]),
    'node_network_mtu_bytes{device="eth0"}': Number(lines.at(-2)),
  };
  const cpus = Number(lines.at(-1));
  for (const labels of [scraped, written]) {
    for (const [metric, value] of Object.entries(expected)) {
      const expression = selector(metric, labels);
      const shown = await waitFor(expression, () => prometheus.value(expression), patience);
      expect(shown, expression).toBe(value);
    }
    expect(await prometheus.value(`count(${selector('node_cpu_seconds_total{mode="user"}', labels)})`)).toBe(
      cpus,
    );
  }
});

test('a counter by remote-write, with its own time, lies between /proc before and /proc after that time', async () => {
  const before = await readProc();
  for (const [key, metric] of Object.entries(counters) as [keyof typeof counters, string][]) {
    const expression = selector(metric, written);
    const sample = await waitFor(
      `${expression} of after ${before.atMs}`,
      async () => (await prometheus.stored(expression)).find(({ timestampMs }) => timestampMs > before.atMs),
      patience,
    );
    const after = await readProc();
    expect(sample.timestampMs).toBeLessThanOrEqual(after.atMs);
    expect(sample.value, `${key}, at least what it was before`).toBeGreaterThanOrEqual(before[key]);
    expect(sample.value, `${key}, at most what it is after`).toBeLessThanOrEqual(after[key]);
  }
});

test('a counter by scrape comes up to what /proc said before, and never beyond what it says after', async () => {
  const before = await readProc();
  for (const [key, metric] of Object.entries(counters) as [keyof typeof counters, string][]) {
    const expression = selector(metric, scraped);
    const reached = async () => {
      const value = await prometheus.value(expression);
      return value !== undefined && value >= before[key] ? value : undefined;
    };
    const value = await waitFor(`${expression} ≥ ${before[key]}`, reached, patience);
    expect(value, `${key}, at most what it is after`).toBeLessThanOrEqual((await readProc())[key]);
  }
});

test('a rate over stored samples is the rate that /proc had between the same two moments', async () => {
  const expression = selector(counters.forks, written);
  const start = await readProc();
  await host.run('sh', ['-c', 'for n in $(seq 300); do /bin/true; done']);
  const middle = await readProc();
  const increase = middle.forks - start.forks;
  expect(increase).toBeGreaterThanOrEqual(300);
  const samples = await waitFor(
    'samples around the burst',
    async () => {
      const stored = await prometheus.stored(expression);
      const from = stored.filter(({ timestampMs }) => timestampMs <= start.atMs).at(-1);
      const to = stored.find(({ timestampMs }) => timestampMs >= middle.atMs);
      return from && to ? { from, to } : undefined;
    },
    patience,
  );
  expect(samples.to.value - samples.from.value).toBeGreaterThanOrEqual(increase);
  expect(samples.to.value - samples.from.value).toBeLessThanOrEqual(
    (await readProc()).forks - samples.from.value,
  );
});

test('the account of records is exact as Prometheus sees it, and the gateway tells of itself by both ways', async () => {
  const account = (labels: string) =>
    ['acknowledged_total', 'pending', 'lost_total']
      .map((name) => `regnode_node_records_${name}${labels}`)
      .join(' - ');
  for (const labels of [scraped, written]) {
    const expression = `regnode_node_records_produced_total${labels} - ${account(labels)}`;
    expect(await waitFor(expression, () => prometheus.value(expression), patience)).toBe(0);
  }
  for (const job of ['gateway', 'regnode-gateway']) {
    for (const [metric, expected] of [
      ['regnode_gateway_telemetry_unexplained_records_total', 0],
      ['regnode_gateway_tunnels', 1],
      ['regnode_gateway_remote_write_samples_dropped_total', 0],
    ] as const) {
      const expression = `sum(${metric}{job="${job}"})`;
      const shown = async () => ((await prometheus.value(expression)) === expected ? true : undefined);
      await waitFor(`${expression} to be ${expected}`, shown, patience);
    }
  }
});

test('while Prometheus was away, remote-write kept what came', async () => {
  const expression = selector(counters.contextSwitches, written);
  await prometheus.stop();
  const before = await readProc();
  await waitFor('five seconds of values', async () => (await readProc()).atMs > before.atMs + 5000, patience);
  const after = await readProc();
  await prometheus.start();
  const during = await waitFor(
    'values of the time between',
    async () => {
      const stored = await prometheus.stored(expression);
      if (!stored.some(({ timestampMs }) => timestampMs > after.atMs)) return undefined;
      return stored.filter(({ timestampMs }) => timestampMs > before.atMs && timestampMs < after.atMs);
    },
    patience,
  );
  expect(during.length).toBeGreaterThanOrEqual(3);
  for (const { value } of during) {
    expect(value).toBeGreaterThanOrEqual(before.contextSwitches);
    expect(value).toBeLessThanOrEqual(after.contextSwitches);
  }
});

test('the line cut, the agent killed: what lay on the disk arrives with the time at which it was measured', async () => {
  const expression = selector(counters.contextSwitches, written);
  await host.cutLink();
  const before = await readProc();
  await waitFor(
    'ten seconds of values',
    async () => (await readProc()).atMs > before.atMs + 10_000,
    patience,
  );
  const after = await readProc();
  // What is a second old is on the disk, whatever becomes of the process; a busy machine gets more.
  await waitFor('it to be written', async () => (await readProc()).atMs > after.atMs + 3000, patience);
  await host.kill('regnode', 'SIGKILL');
  await host.restoreLink();
  const during = await waitFor(
    'the backlog',
    async () => {
      const stored = await prometheus.stored(expression);
      const found = stored.filter(({ timestampMs }) => timestampMs > before.atMs && timestampMs < after.atMs);
      return found.length >= 4 ? found : undefined;
    },
    { ...patience, timeoutMs: 120_000, detail: () => host.logs('regnode') },
  );
  for (const { value } of during) {
    expect(value).toBeGreaterThanOrEqual(before.contextSwitches);
    expect(value).toBeLessThanOrEqual(after.contextSwitches);
  }
  const times = during.map(({ timestampMs }) => timestampMs);
  expect(new Set(times).size, 'each once').toBe(times.length);
  expect(
    await prometheus.value('sum(regnode_gateway_telemetry_unexplained_records_total{job="gateway"})'),
  ).toBe(0);
});

test('a node that falls silent vanishes from Prometheus, and comes back', async () => {
  const both = [selector('node_load1', scraped), selector('node_load1', written)];
  const shown = async (expression: string) => (await prometheus.query(expression)).length;
  for (const expression of both)
    await waitFor(expression, async () => (await shown(expression)) === 1, patience);
  await host.run('systemctl', ['stop', 'regnode']);
  // Sooner than the five minutes after which Prometheus itself takes a series for dead.
  for (const expression of both)
    await waitFor(`${expression} to vanish`, async () => (await shown(expression)) === 0, patience);
  await host.run('systemctl', ['start', 'regnode']);
  for (const expression of both)
    await waitFor(expression, async () => (await shown(expression)) === 1, patience);
});

test('without the token nobody reads the gateway’s metrics', async () => {
  const code = async (path: string) =>
    (
      await sandbox.cloud.run('curl', [
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        `${sandbox.cloud.statusUrl}${path}`,
      ])
    ).stdout;
  expect(await code('/metrics')).toBe('401');
  expect(await code('/nodes/idc-1/kubelet/metrics')).toBe('401');
  expect(await code('/readyz')).toBe('200');
});

test('a pool’s interval is changed live, and Prometheus sees it', async () => {
  await sandbox.cloud.kubectl([
    'patch',
    'nodepool',
    'idc',
    '--type=merge',
    '-p',
    '{"spec":{"telemetry":{"metricsIntervalMs":4000}}}',
  ]);
  const expression = selector('node_load1', written);
  await waitFor(
    'values four seconds apart',
    async () => {
      const times = (await prometheus.stored(expression)).map(({ timestampMs }) => timestampMs).slice(-3);
      const [a = 0, b = 0, c = 0] = times;
      return times.length === 3 && b - a > 3500 && c - b > 3500;
    },
    patience,
  );
  expect(await regnodectl(sandbox, ['node', 'list'])).toContain('idc-1');
});
