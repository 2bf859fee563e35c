// The kubelet's own metrics and those of its containers in Debian's Prometheus, although nothing in the
// cloud can connect to the host: discovered at the gateway, scraped through the tunnel, with a right to
// metrics and to nothing else.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { SandboxPrometheus } from '../../scripts/sandbox/prometheus.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  kubectl,
  pasteJoinCommand,
  regnodectl,
  startGatewayAndPool,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';

const patience = { timeoutMs: 90_000, intervalMs: 1000 };
const paths = ['/metrics', '/metrics/cadvisor', '/metrics/resource', '/metrics/probes'];

let sandbox: Sandbox;
let host: SandboxHost;
let prometheus: SandboxPrometheus;
let token: string;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-kubelet-metrics', gateway: false });
  const { cloud } = sandbox;
  const tokenFile = join(cloud.files.folder, 'scrape-token');
  token = randomBytes(16).toString('hex');
  await writeFile(tokenFile, `${token}\n`);
  const authorization = { credentials_file: tokenFile };
  const job = (name: string, path: string) => ({
    job_name: name,
    authorization,
    scrape_interval: '3s',
    scrape_timeout: '3s',
    http_sd_configs: [{ url: `${cloud.statusUrl}/discovery/${path}`, authorization, refresh_interval: '2s' }],
  });
  prometheus = await SandboxPrometheus.create(sandbox, [
    job('kubelet', 'kubelets'),
    job('regnode', 'nodes'),
    job('regnode-gateway', 'gateways'),
  ]);
  await prometheus.start();
  await startGatewayAndPool(sandbox, [], ['--scrape-token-file', tokenFile]);
  host = await sandbox.addHost({ name: 'idc-1' });
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  await waitForReady(sandbox, 'idc-1');
  await runPod(
    sandbox,
    'busy',
    'idc-1',
    'while true; do for n in 1 2 3 4 5 6 7 8 9; do :; done; usleep 20000; done',
  );
});
afterAll(async () => {
  await sandbox?.stop();
});

const curl = (path: string, more: readonly string[] = []) =>
  sandbox.cloud.run('curl', [
    '-s',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    ...more,
    `${sandbox.cloud.statusUrl}${path}`,
  ]);
const up = (path: string) =>
  prometheus.value(`up{job="kubelet",node="idc-1",pool="idc",metrics_path="${path}"}`);

test('Prometheus finds the node by itself, and all four of its kubelet’s pages answer', async () => {
  for (const path of paths) {
    await waitFor(`${path} to be up`, async () => ((await up(path)) === 1 ? true : undefined), {
      ...patience,
      detail: async () => (await sandbox.cloud.gatewayLogs()).slice(-2000),
    });
  }
  const version = (
    await kubectl(sandbox, ['get', 'node', 'idc-1', '-o', 'jsonpath={.status.nodeInfo.kubeletVersion}'])
  ).trim();
  const [info] = await prometheus.query('kubernetes_build_info{node="idc-1"}');
  expect(info?.labels.gitVersion ?? info?.labels.git_version).toBe(version);
  expect(info?.labels).toMatchObject({ instance: 'idc-1', pool: 'idc', job: 'kubelet' });
});

test('the node and the gateway are targets too, each with its name and no label twice', async () => {
  const one = (expression: string) =>
    waitFor(expression, async () => (await prometheus.query(expression))[0], patience);
  const load = await one('node_load1{instance="idc-1"}');
  expect(load.labels).toEqual({
    __name__: 'node_load1',
    ...{ job: 'regnode', instance: 'idc-1', node: 'idc-1', pool: 'idc' },
  });
  await one('up{job="regnode",node="idc-1",pool="idc"} == 1');
  const tunnels = await one('regnode_gateway_tunnels{job="regnode-gateway"} == 1');
  expect(tunnels.labels.instance).toBe(
    (await prometheus.query('up{job="regnode-gateway"}'))[0]?.labels.instance,
  );
});

test('the CPU time of a running pod lies between two readings of its control group', async () => {
  const expression =
    'container_cpu_usage_seconds_total{node="idc-1",metrics_path="/metrics/cadvisor",namespace="default",pod="busy",container="main"}';
  const find = async () => (await prometheus.query(expression))[0];
  const first = await waitFor('the container in Prometheus', find, patience);
  const read = () => readCpuSeconds(first.labels.id ?? '');
  const before = await read();
  expect(before).toBeGreaterThan(0);
  const reached = async () => {
    const value = await prometheus.value(expression);
    return value !== undefined && value >= before ? value : undefined;
  };
  const value = await waitFor(`${before} s of CPU`, reached, patience);
  expect(value).toBeLessThanOrEqual(await read());
});

test('the memory of the pod is known by its own page too', async () => {
  const memory = await waitFor(
    'the working set',
    () =>
      prometheus.value(
        'container_memory_working_set_bytes{metrics_path="/metrics/resource",pod="busy",container="main"}',
      ),
    patience,
  );
  expect(memory).toBeGreaterThan(4096);
  expect(memory).toBeLessThan(64 * 1024 * 1024);
});

test('who has no token sees neither the list nor a kubelet', async () => {
  for (const path of ['/discovery/kubelets', '/nodes/idc-1/kubelet/metrics']) {
    expect((await curl(path)).stdout).toBe('401');
    expect((await curl(path, ['-H', 'Authorization: Bearer wrong'])).stdout).toBe('401');
    expect((await curl(path, ['-H', `Authorization: Bearer ${token}`])).stdout).toBe('200');
  }
  const direct = await sandbox.cloud.run('curl', [
    '-sk',
    '--max-time',
    '5',
    `https://${host.address}:10250/metrics`,
  ]);
  expect(direct.exitCode, 'nothing connects to the host directly').not.toBe(0);
});

test('what the gateway shows to kubelets may read metrics, and nothing else', async () => {
  const may = async (verb: string, resource: string, subresource?: string) => {
    const as = '--as=system:serviceaccount:regnode-system:regnode-metrics';
    const more = subresource === undefined ? [] : [`--subresource=${subresource}`];
    const answer = await sandbox.cloud.kubectl(['auth', 'can-i', verb, resource, as, ...more]);
    return answer.stdout.trim();
  };
  expect(await may('get', 'nodes', 'metrics')).toBe('yes');
  for (const [verb, resource, subresource] of [
    ['create', 'nodes', 'proxy'],
    ['get', 'nodes', 'proxy'],
    ['get', 'nodes', 'stats'],
    ['get', 'nodes'],
    ['get', 'pods'],
    ['get', 'secrets'],
  ] as const) {
    expect(await may(verb, resource, subresource), `${verb} ${resource} ${subresource}`).toBe('no');
  }
});

test('the kubelet listens for its agent alone, and on the line when the pool says direct; scrapes work either way', async () => {
  const listens = async () => {
    const { stdout } = await host.run('ss', ['-Hltn', 'sport = :10250']);
    const local = stdout.split('\n').flatMap((line) => line.split(/\s+/)[3] ?? []);
    return local.filter((address) => address !== '').join(' ');
  };
  const until = (wanted: string) =>
    waitFor(`the kubelet to listen on ${wanted}`, async () => (await listens()) === wanted || undefined, {
      ...patience,
      detail: listens,
    });
  const scraped = () =>
    waitFor(
      'a scrape',
      async () => {
        const header = ['-H', `Authorization: Bearer ${token}`];
        return (await curl('/nodes/idc-1/kubelet/metrics', header)).stdout === '200' || undefined;
      },
      patience,
    );
  await until('127.0.0.1:10250');
  await scraped();
  await regnodectl(sandbox, ['pool', 'set', 'idc', '--kubelet-access', 'direct']);
  await until('*:10250');
  await scraped();
  expect(await regnodectl(sandbox, ['pool', 'get', 'idc'])).toMatch(/kubelet-access +direct/);
  await regnodectl(sandbox, ['pool', 'set', 'idc', '--kubelet-access', 'tunnel']);
  await until('127.0.0.1:10250');
  await scraped();
  await waitForReady(sandbox, 'idc-1');
});

test('a line that is cut is a target that is down; it comes back by itself', async () => {
  await host.cutLink();
  await waitFor(
    'the target to be down',
    async () => ((await up('/metrics')) === 0 ? true : undefined),
    patience,
  );
  await host.restoreLink();
  await waitFor(
    'the target to be up',
    async () => ((await up('/metrics')) === 1 ? true : undefined),
    patience,
  );
});

test('somebody else on the kubelet’s port is not believed, and gets no token', async () => {
  await host.run('systemctl', ['stop', 'kubelet']);
  const pretender = [
    'cd /tmp && openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -days 1 -subj /CN=idc-1 2>/dev/null',
    'systemd-run --unit=pretender openssl s_server -accept 10250 -key /tmp/k -cert /tmp/c -www',
  ].join(' && ');
  const started = await host.run('sh', ['-c', pretender]);
  expect(started, started.stderr).toMatchObject({ exitCode: 0 });
  const path = '/nodes/idc-1/kubelet/metrics';
  const answer = await waitFor(
    'the refusal',
    async () => {
      const asked = await sandbox.cloud.run('curl', [
        '-s',
        '-H',
        `Authorization: Bearer ${token}`,
        `${sandbox.cloud.statusUrl}${path}`,
      ]);
      return /certificate/.test(asked.stdout) ? asked.stdout : undefined;
    },
    patience,
  );
  expect(JSON.parse(answer)).toMatchObject({
    error: { code: 'KUBELET_SCRAPE_FAILED', values: { node: 'idc-1' } },
  });
  await host.run('systemctl', ['stop', 'pretender']);
  await host.run('systemctl', ['start', 'kubelet']);
  await waitFor(
    'the kubelet to be up again',
    async () => ((await up('/metrics')) === 1 ? true : undefined),
    patience,
  );
});

test('a node that was removed is no target any more', async () => {
  await regnodectl(sandbox, ['node', 'remove', 'idc-1', '--yes']);
  const targets = async () => (await prometheus.query('up{job="kubelet"}')).length;
  await waitFor('the targets to go', async () => ((await targets()) === 0 ? true : undefined), patience);
});

/** Of a control group as cAdvisor names it, by either version of control groups. */
async function readCpuSeconds(id: string): Promise<number> {
  const script = `cat /sys/fs/cgroup/cpuacct${id}/cpuacct.usage 2>/dev/null || cat /sys/fs/cgroup/cpu,cpuacct${id}/cpuacct.usage 2>/dev/null || cat /sys/fs/cgroup${id}/cpu.stat`;
  const { stdout } = await host.run('sh', ['-c', script]);
  const unified = /^usage_usec (\d+)/m.exec(stdout)?.[1];
  return unified === undefined ? Number(stdout) / 1e9 : Number(unified) / 1e6;
}
