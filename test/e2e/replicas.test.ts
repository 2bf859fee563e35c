// Two replicas of the gateway behind one address, on one real cluster: the API server may ask either, the
// tunnel moves when its replica is stopped or killed, and nobody hangs.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { runPod } from '../../scripts/sandbox/pod.ts';
import { startJoinedSandbox, waitUntilHeard } from '../../scripts/sandbox/ready.ts';
import { kubectl, poolName, regnodectl } from '../../scripts/sandbox/registration.ts';
import {
  type ReplicaName,
  replicaNames,
  type SandboxReplicas,
  startReplicas,
} from '../../scripts/sandbox/replicas.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { LiveKubectl } from './live-kubectl.ts';

const waitMs = 60_000;

let sandbox: Sandbox;
let host: SandboxHost;
let replicas: SandboxReplicas;
let readySince: string;

beforeAll(async () => {
  const sinceMs = Date.now();
  const startGateways = async (cluster: Sandbox) => {
    replicas = await startReplicas(cluster);
  };
  ({ sandbox, host } = await startJoinedSandbox({ name: 'e2e-replicas', startGateways }));
  await waitUntilHeard(sandbox, sinceMs, replicas.of('gw-1').statusUrl);
  await runPod(sandbox, 'talker', 'idc-1');
  readySince = await readyTransition();
});
afterAll(() => sandbox?.stop());

interface NodeAtReplica {
  readonly tunnel: { readonly connected: boolean; readonly holder: ReplicaName | null };
}

const nodeAt = (name: ReplicaName) =>
  replicas.of(name).ask('/nodes/idc-1') as Promise<NodeAtReplica | undefined>;

/** What a replica says about who holds the node, when it is `expected`, or anybody. */
function holder(asked: ReplicaName, expected?: ReplicaName): Promise<ReplicaName> {
  return waitFor(
    `${asked} to say that ${expected ?? 'somebody'} holds idc-1`,
    async () => {
      const said = (await nodeAt(asked))?.tunnel.holder ?? undefined;
      return expected === undefined || said === expected ? said : undefined;
    },
    { timeoutMs: waitMs, intervalMs: 200, detail: () => replicas.of(asked).tail() },
  );
}

const readyTransition = () =>
  kubectl(sandbox, [
    'get',
    'node',
    'idc-1',
    '-o',
    'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} since {.lastTransitionTime}{end}',
  ]);

const exec = (command: string) =>
  sandbox.cloud.kubectl(['exec', '-i', 'talker', '--', 'sh', '-c', command], {
    input: 'x'.repeat(300_000),
    timeoutMs: 30_000,
  });

async function expectExec(): Promise<void> {
  const counted = await exec('echo counted $(wc -c); exit 7');
  expect(counted, counted.stderr).toMatchObject({ exitCode: 7, stdout: 'counted 300000\n' });
}

/** Whichever replica Prometheus asks, it gets everything, and nothing twice. */
async function expectScrapes(asked: readonly ReplicaName[] = replicaNames): Promise<void> {
  const patience = { timeoutMs: waitMs, intervalMs: 500 };
  for (const name of asked) {
    const wait = { ...patience, detail: () => replicas.of(name).tail() };
    const page = (path: string, has: RegExp) =>
      waitFor(
        `${name} to answer ${path}`,
        async () => {
          const text = await replicas.of(name).page(path);
          return text !== undefined && has.test(text) ? text : undefined;
        },
        wait,
      );
    await page(
      '/nodes/idc-1/kubelet/metrics/cadvisor',
      /^container_cpu_usage_seconds_total\{.*pod="talker"/m,
    );
    // After a takeover the first samples may come before the first heartbeat.
    await page('/nodes/idc-1/metrics', /^regnode_node_heartbeat_age_seconds /m);
    const values = await page('/nodes/idc-1/metrics', /^node_load1 [0-9.]+$/m);
    expect(values.match(/^node_load1 /gm), 'once').toHaveLength(1);
    for (const other of asked) {
      await page(`/replicas/${other}/metrics`, /^regnode_gateway_replicas [12]$/m);
    }
  }
  const shownBy = async (text: string) => {
    const pages = await Promise.all(asked.map((name) => replicas.of(name).page('/metrics')));
    return pages.map((page) => page?.split('\n').filter((line) => line.startsWith(text)).length);
  };
  if (asked.length < 2) return;
  await waitFor(
    'every value at one replica',
    async () => {
      const found = await Promise.all([
        shownBy('node_load1{node="idc-1"'),
        shownBy('regnode_gateway_node_tunnel{'),
      ]);
      return found.every((counts) => [...counts].sort().join() === '0,1') ? true : undefined;
    },
    patience,
  );
}

test('who holds a node is said everywhere alike', async () => {
  const name = await holder('gw-1');
  expect(await holder('gw-2')).toBe(name);
  const leases = await kubectl(sandbox, [
    'get',
    'leases',
    '-n',
    'regnode-system',
    '-o',
    'jsonpath={range .items[*]}{.spec.holderIdentity} {.metadata.annotations.regnode\\.io/replica-address}{"\\n"}{end}',
  ]);
  expect(leases.trim().split('\n').sort()).toEqual(['gw-1 10.77.0.1:9481', 'gw-2 10.77.0.1:9482']);
  expect(await regnodectl(sandbox, ['node', 'get', 'idc-1'])).toMatch(
    new RegExp(`connected .*gateway ${name}`),
  );
  expect(await regnodectl(sandbox, ['node', 'list'])).toMatch(new RegExp(`idc-1 .*connected +${name}`));
  const series = `regnode_gateway_node_tunnel{node="idc-1",gateway="${name}"}`;
  expect(await replicas.of(name).metric(series)).toBe(1);
  expect(await replicas.of(replicas.other(name)).metric(series)).toBeUndefined();
  expect(await replicas.of(name).metric('regnode_gateway_replicas')).toBe(2);
  await waitFor(
    'regnode status to name the replica',
    async () => (await host.run('regnode', ['status'])).stdout.includes(`replica ${name}`),
    { timeoutMs: waitMs },
  );
  const leading = await Promise.all(
    replicaNames.map((each) => replicas.of(each).metric('regnode_gateway_replica_leading')),
  );
  expect(leading, 'one leads').toEqual([1, 0]);
});

test('the API server may ask the replica that does not hold the tunnel', async () => {
  const name = await holder('gw-1');
  const asked = replicas.other(name);
  await replicas.askThrough(asked);
  const before = (await replicas.of(asked).metric('regnode_gateway_forwarded_streams_total')) ?? 0;
  await expectExec();
  expect(await replicas.of(asked).metric('regnode_gateway_forwarded_streams_total')).toBeGreaterThan(before);
  const logs = await sandbox.cloud.kubectl(['logs', '--tail=2', 'talker']);
  expect(logs, logs.stderr).toMatchObject({ exitCode: 0 });
  expect(logs.stdout).toMatch(/line \d+ on idc-1/);
  const audited = (await replicas.of(name).logs())
    .split('\n')
    .filter((line) => line.includes('"event":"stream"'));
  expect(
    audited.some((line) => line.includes(`"replica":"${asked}"`)),
    'it stands in both audits',
  ).toBe(true);
});

test('Prometheus finds everything at either replica, and nothing twice', async () => {
  await expectScrapes();
  for (const name of replicaNames) {
    const found = (kind: string) =>
      replicas.of(name).ask(`/discovery/${kind}`) as Promise<
        { targets: string[]; labels: Record<string, string> }[]
      >;
    const nodes = await found('nodes');
    expect(nodes.map(({ labels }) => [labels.instance, labels.pool])).toEqual([['idc-1', poolName]]);
    expect([nodes[0]?.targets, await found('kubelets')]).toMatchObject([
      [replicas.of(name).statusUrl.slice('http://'.length)],
      { length: 4 },
    ]);
    expect((await found('gateways')).map(({ labels }) => labels.instance)).toEqual(replicaNames);
  }
});

test('the door for replicas opens to nobody else', async () => {
  const ask = async (args: readonly string[]) => {
    const url = 'https://10.77.0.1:9481/v1/replica';
    const upgrade = ['-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket', '--http1.1'];
    const result = await host.run('curl', [
      '-sk',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      ...upgrade,
      ...args,
      url,
    ]);
    return result.stdout;
  };
  expect(await ask([]), 'without a certificate').toBe('403');
  const identity = '/var/lib/regnode/identity';
  const own = ['--cert', `${identity}/certificate.pem`, '--key', `${identity}/key.pem`];
  expect(await ask(own), "with a node's certificate").toBe('403');
  const refused = 'regnode_gateway_refused_replica_connections_total{code="CERTIFICATE_REFUSED"}';
  expect(await replicas.of('gw-1').metric(refused)).toBe(2);
});

test('a replica is stopped under logs -f and exec: both end in order, and new ones go on meanwhile', async () => {
  const stopped = await holder('gw-1');
  const stays = replicas.other(stopped);
  await replicas.askThrough(stays);
  const follow = new LiveKubectl(sandbox, ['logs', '-f', '--tail=1', 'talker']);
  const echo = new LiveKubectl(sandbox, ['exec', '-i', 'talker', '--', 'cat']);
  await follow.prints(/line \d+ on idc-1/);
  echo.type('before\n');
  await echo.prints(/before/);

  const stoppedAt = new Date().toISOString();
  await replicas.of(stopped).signal('SIGTERM');
  echo.type('while it stops\n');
  await echo.prints(/while it stops/);
  await holder(stays, stays);
  await expectExec();
  await waitFor('the replica to end', () => replicas.of(stopped).hasEnded(), { timeoutMs: waitMs });
  const codes = await Promise.all([follow.ends(waitMs), echo.ends(waitMs)]);
  expect(codes[0], `logs -f ended as if the pod had: ${follow.text.slice(-300)}`).toBe(0);
  const numbers = follow.arrivals.flatMap(({ line }) => /^line (\d+) on/.exec(line)?.[1] ?? []).map(Number);
  expect(numbers.length).toBeGreaterThan(5);
  expect(numbers, 'none is missing').toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
  expect(echo.text).toMatch(/^before\nwhile it stops\n/);
  const streams = (await replicas.of(stopped).logs())
    .split('\n')
    .filter((line) => line.includes('"event":"stream"'));
  // Of what was under way: kubectl of an earlier test may cut its stream when its command has ended.
  const isLater = (line: string) => (/"time":"([^"]+)"/.exec(line)?.[1] ?? '') >= stoppedAt;
  const reset = streams.filter((line) => line.includes('"outcome":"reset"') && isLater(line));
  expect(reset, 'no stream was cut').toEqual([]);

  await expectExec();
  const leases = await kubectl(sandbox, ['get', 'leases', '-n', 'regnode-system', '-o', 'name']);
  expect(leases.trim().split('\n')).toEqual([`lease.coordination.k8s.io/regnode-gateway.${stays}`]);
  expect(await readyTransition()).toBe(readySince);
  await replicas.of(stopped).start();
});

test('a replica is killed under an exec: it is reset within seconds, and the other one takes over', async () => {
  const killed = await holder('gw-1');
  const stays = replicas.other(killed);
  await holder(stays, killed);
  await replicas.askThrough(stays);
  const echo = new LiveKubectl(sandbox, ['exec', '-i', 'talker', '--', 'cat']);
  echo.type('before\n');
  await echo.prints(/before/);
  await expectScrapes();
  await replicas.of(killed).kill();
  const killedMs = performance.now();
  // Its exit code says nothing: kubectl 1.20 takes a connection that is cut for the end of the command.
  await echo.ends(30_000);
  expect(performance.now() - killedMs, 'it was reset, and did not wait for anything').toBeLessThan(20_000);
  const cut = `"replica":"${killed}".*"outcome":"reset"`;
  await waitFor('the audit', async () => new RegExp(cut).test(await replicas.of(stays).logs()), {
    timeoutMs: waitMs,
  });
  await holder(stays, stays);
  await expectExec();
  // What it kept of the old way is of no use any more, and nobody notices.
  await expectScrapes([stays]);
  await waitFor(
    'the lease of the killed one to run out',
    async () => {
      const seen = (await replicas.of(stays).ask('/replicas')) as {
        replicas: { name: string; live: boolean }[];
      };
      return seen.replicas.some(({ name, live }) => name === killed && !live);
    },
    { timeoutMs: waitMs },
  );
  expect(await replicas.of(stays).metric('regnode_gateway_replica_leading')).toBe(1);
  expect(await readyTransition()).toBe(readySince);
  await replicas.of(killed).start();
  await expectExec();
});

test('an API server that asks the replica which has just begun is handed on', async () => {
  const name = await holder('gw-1');
  await replicas.askThrough(replicas.other(name));
  await expectExec();
  await expectScrapes();
  expect(await readyTransition()).toBe(readySince);
});
