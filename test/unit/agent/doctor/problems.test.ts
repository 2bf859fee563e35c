// Every problem that a check of the doctor can name, each found on a host where just that is wrong. What the
// host says is canned here; e2e/doctor breaks the real thing.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import { doctorChecks } from '../../../../agent/doctor/hops.ts';
import { kubeletCertificate } from '../../../../agent/doctor/observation/cluster.ts';
import type { GetAnswer, Host, RunResult } from '../../../../agent/host/host.ts';
import { createKey } from '../../../../agent/identity/key.ts';
import type { Outcome } from '../../../../agent/preflight/check.ts';
import { type CheckCode, messages, problemMessages } from '../../../../agent/preflight/messages/index.ts';
import { registry } from '../../../../agent/preflight/registry.ts';
import { type JoinedNode, readJoinedNode } from '../../../../agent/state/joined-node.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { joinThrough } from '../../../worlds/join.ts';
import { certify, newRoot } from '../identity/certificates.ts';

const dayMs = 24 * 3600_000;

let gateway: LoopbackGateway;
let world: IdcHost;
let node: JoinedNode;
beforeAll(async () => {
  gateway = await startGateway();
  world = new IdcHost(archives);
  await joinThrough(gateway, world.host);
  const joined = await readJoinedNode(world.host);
  const root = await newRoot('regnode-ca');
  const keyPem = createKey();
  const now = Date.now();
  const certificatePem = await certify(root, keyPem, now - 1000, now + 90 * dayMs);
  node = { ...joined, identity: { keyPem, certificatePem, caPem: root.pem } };
});
afterAll(async () => {
  world.remove();
  await gateway.stop();
});

interface Wrong {
  readonly services?: Readonly<Record<string, string>>;
  /** Letter of /proc/PID/stat. */
  readonly process?: string;
  readonly ctr?: Partial<RunResult>;
  readonly get?: (url: string) => GetAnswer | Promise<GetAnswer>;
  readonly connect?: () => Promise<number>;
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly freeRatio?: number;
  readonly node?: (good: JoinedNode) => JoinedNode;
  readonly nowMs?: number;
}

const running = 'Id=x\nLoadState=loaded\nActiveState=active\nSubState=running\nMainPID=77\nNRestarts=0\n';
const stopped = 'Id=x\nLoadState=loaded\nActiveState=inactive\nSubState=dead\nMainPID=0\n';
const failing = 'Id=x\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nNRestarts=7\n';
const readyNode = conditions({ type: 'Ready', status: 'True' });
const answer = (status: number, value: unknown): GetAnswer => ({ status, body: JSON.stringify(value) });
const refused = (code: string) => Promise.reject(Object.assign(new Error(code), { code }));

function conditions(...list: readonly object[]) {
  return { status: { conditions: list } };
}

function pod(reason: string, more: object = {}) {
  const container = { image: 'r.test/a:1', restartCount: 0, state: { waiting: { reason, message: 'm' } } };
  return {
    metadata: { name: 'p', namespace: 'default', creationTimestamp: '2020-01-01T00:00:00Z' },
    status: { phase: 'Pending', containerStatuses: reason === '' ? [] : [container], ...more },
  };
}

const pods =
  (...items: readonly object[]) =>
  (url: string) =>
    url.includes('/pods') ? answer(200, { items }) : answer(200, readyNode);
const gatewaySays = (status: number, value: unknown) => (url: string) =>
  url.includes('/v1/node/status') ? answer(status, value) : answer(200, readyNode);

function hostWith(wrong: Wrong): Host {
  const { host } = world;
  return {
    ...host,
    clock: { ...host.clock, nowMs: () => wrong.nowMs ?? Date.now() },
    files: {
      ...host.files,
      readText: async (path, limit) => {
        if (wrong.files && path in wrong.files) return wrong.files[path];
        if (path === '/proc/77/stat') return `77 (x) Z 1 () ${wrong.process ?? 'S'} 1 77`;
        if (path === kubeletCertificate) return 'PEM';
        return host.files.readText(path, limit);
      },
      list: async (path) =>
        path === paths.cniConfiguration && wrong.files
          ? Object.entries(wrong.files).flatMap(([name, text]) =>
              name.startsWith(path) && text !== undefined ? [name.slice(path.length + 1)] : [],
            )
          : host.files.list(path),
      exists: async (path) =>
        wrong.files && path in wrong.files ? wrong.files[path] !== undefined : host.files.exists(path),
      space: async () => ({
        totalBytes: 1e12,
        freeBytes: 1e12 * (wrong.freeRatio ?? 0.5),
        totalInodes: 1e7,
        freeInodes: 1e6,
      }),
    },
    processes: {
      ...host.processes,
      run: async (command, args, options) => {
        const done = { exitCode: 0, outcome: 'exited', stdout: '', stderr: '', truncated: false } as const;
        if (command.endsWith('/ctr')) return { ...done, stdout: 'k8s.io\n', ...wrong.ctr };
        const unit = args.at(-1) ?? '';
        if (command === 'systemctl') return { ...done, stdout: wrong.services?.[unit] ?? running };
        return host.processes.run(command, args, options);
      },
    },
    network: {
      ...host.network,
      connect: wrong.connect ?? (async () => 1),
      get: async (url) => {
        if (wrong.get) return wrong.get(url);
        if (url.includes('/v1/node/status')) return answer(200, gateway.status);
        return url.includes('/pods') ? answer(200, { items: [] }) : answer(200, readyNode);
      },
    },
  };
}

async function outcomeOf(code: CheckCode, wrong: Wrong): Promise<Outcome> {
  const check = doctorChecks.find((one) => one.code === code);
  const { gatewayUrl, nodeName, pool: poolName } = node.state.identity;
  const context = { gatewayUrl, nodeName, pool: poolName, node: wrong.node?.(node) ?? node };
  return check?.run(hostWith(wrong), context) as Promise<Outcome>;
}

const identityWith = (change: object) => (good: JoinedNode) =>
  ({ ...good, identity: { ...good.identity, ...change } }) as JoinedNode;
const cni = paths.cniConfiguration;
const bootIdFile = '/proc/sys/kernel/random/boot_id';
const conflictWith = (bootId: string) => ({
  ...gateway.status,
  holder: { address: '10.77.0.11', hostname: 'idc-1', bootId: 'a0071d' },
  identityConflict: { code: 'IDENTITY_IN_USE', refused: { address: '10.77.0.12', bootId } },
});

const wrongs: readonly (readonly [CheckCode, string, Wrong | (() => Wrong)])[] = [
  ['NODE_DISK', 'full', { freeRatio: 0.01 }],
  ['NODE_DISK', 'low', { freeRatio: 0.1 }],
  ['NODE_CERTIFICATE', 'missing', { node: (good) => ({ ...good, identity: undefined }) }],
  ['NODE_CERTIFICATE', 'damaged', { node: identityWith({ certificatePem: 'nonsense' }) }],
  ['NODE_CERTIFICATE', 'damaged', () => ({ node: identityWith({ keyPem: createKey() }) })],
  ['NODE_CERTIFICATE', 'otherAuthority', () => ({ node: identityWith({ caPem: gateway.caPem }) })],
  ['NODE_CERTIFICATE', 'expired', { nowMs: Date.now() + 100 * dayMs }],
  ['NODE_CERTIFICATE', 'early', { nowMs: 0 }],
  ['NODE_CERTIFICATE', 'overdue', { nowMs: Date.now() + 88 * dayMs }],
  [
    'NODE_ADMITTED',
    'refused',
    { get: gatewaySays(403, { error: { code: 'NODE_NOT_REGISTERED', values: { name: 'idc-1' } } }) },
  ],
  ['NODE_ADMITTED', 'refused', { get: () => refused('ECONNRESET') }],
  ['NODE_ADMITTED', 'refused', { get: gatewaySays(502, 'not regnode’s') }],
  ['NODE_IDENTITY', 'copied', () => ({ get: gatewaySays(200, conflictWith('b0071d')) })],
  [
    'NODE_IDENTITY',
    'refused',
    () => ({ get: gatewaySays(200, conflictWith('0f0f')), files: { [bootIdFile]: '0f0f\n' } }),
  ],
  [
    'NODE_IDENTITY',
    'refused',
    () => ({
      get: gatewaySays(200, gateway.status),
      node: (good) =>
        ({
          ...good,
          daemon: { conflict: { code: 'HARDWARE_DIFFERS', values: {} } },
        }) as unknown as JoinedNode,
    }),
  ],
  ['NODE_TUNNEL', 'down', () => ({ get: gatewaySays(200, { ...gateway.status, tunnelConnected: false }) })],
  ['AGENT_SERVICE', 'notRunning', { services: { 'regnode.service': stopped } }],
  ['AGENT_SERVICE', 'frozen', { process: 'T' }],
  ['API_SERVER_CONNECTION', 'unreachable', { get: () => refused('ECONNREFUSED') }],
  ['API_SERVER_CONNECTION', 'unhealthy', { get: () => answer(500, '') }],
  ['API_SERVER_ANSWER', 'refused', { get: () => answer(401, {}) }],
  ['API_SERVER_ANSWER', 'unknownNode', { get: () => answer(404, {}) }],
  ['API_SERVER_ANSWER', 'noCertificate', { files: { [kubeletCertificate]: undefined } }],
  ['KUBELET_SERVICE', 'notRunning', { services: { 'kubelet.service': stopped } }],
  ['KUBELET_SERVICE', 'failing', { services: { 'kubelet.service': failing } }],
  ['KUBELET_SERVICE', 'frozen', { process: 'T' }],
  ['KUBELET_HEALTH', 'unhealthy', { get: () => answer(500, 'sync loop') }],
  ['KUBELET_HEALTH', 'silent', { get: () => refused('ETIMEDOUT') }],
  ['KUBELET_PORT', 'blocked', { connect: () => refused('ETIMEDOUT') }],
  ['CONTAINERD_SERVICE', 'notRunning', { services: { 'containerd.service': stopped } }],
  ['CONTAINERD_SERVICE', 'failing', { services: { 'containerd.service': failing } }],
  ['CONTAINERD_ANSWER', 'frozen', { process: 'T', ctr: { exitCode: null, outcome: 'timed-out' } }],
  ['CONTAINERD_ANSWER', 'silent', { ctr: { exitCode: 1, stderr: 'no such socket' } }],
  [
    'CONTAINERD_ANSWER',
    'noClient',
    {
      files: {
        '/opt/regnode/components/containerd/current/bin/ctr': undefined,
        '/opt/regnode/components/containerd/current/ctr': undefined,
      },
    },
  ],
  ['CNI_CONFIGURATION', 'none', { files: {} }],
  ['CNI_CONFIGURATION', 'unreadable', { files: { [`${cni}/10.conflist`]: '{' } }],
  ['CNI_CONFIGURATION', 'noPlugin', { files: { [`${cni}/10.conf`]: '{"type":"absent"}' } }],
  ['NODE_READY', 'notReady', { get: () => answer(200, conditions({ type: 'Ready', status: 'Unknown' })) }],
  [
    'NODE_READY',
    'networkNotLoaded',
    { get: () => answer(200, conditions({ type: 'Ready', status: 'False', message: 'NetworkReady=false' })) },
  ],
  [
    'NODE_READY',
    'pressure',
    {
      get: () =>
        answer(200, conditions({ type: 'Ready', status: 'True' }, { type: 'DiskPressure', status: 'True' })),
    },
  ],
  ['POD_IMAGES', 'notPulled', { get: pods(pod('ImagePullBackOff')) }],
  ['POD_STATES', 'stuck', { get: pods(pod('ContainerCreating')) }],
  ['POD_STATES', 'failing', { get: pods(pod('CrashLoopBackOff')) }],
  ['POD_STATES', 'evicted', { get: pods(pod('', { phase: 'Failed', reason: 'Evicted' })) }],
];

/** All others fail. */
const warnings: ReadonlySet<string> = new Set([
  'NODE_CERTIFICATE overdue',
  'NODE_DISK low',
  'NODE_READY pressure',
  'POD_STATES evicted',
  'POD_STATES failing',
]);

const own = doctorChecks.filter((check) => !registry.includes(check));

describe('a problem', () => {
  test.each(wrongs)(
    '%s %s is found, with evidence and commands that can be pasted',
    async (code, problem, wrong) => {
      const outcome = await outcomeOf(code, typeof wrong === 'function' ? wrong() : wrong);
      expect(outcome).toMatchObject({ problem });
      expect(outcome.verdict).toBe(warnings.has(`${code} ${problem}`) ? 'warn' : 'fail');
      const texts = problemMessages(code, problem);
      const needed = JSON.stringify(texts).match(/\{(\w+)\}/g) ?? [];
      const given = new Set([...Object.keys(outcome.values), 'measured', 'threshold', 'id']);
      expect(needed.filter((name) => !given.has(name.slice(1, -1)))).toEqual([]);
    },
  );

  test('of each kind is in this list', () => {
    const covered = new Set(wrongs.map(([code, problem]) => `${code} ${problem}`));
    const known = own.flatMap(({ code }) =>
      Object.keys(messages[code].problems).map((one) => `${code} ${one}`),
    );
    expect(known.filter((one) => !covered.has(one))).toEqual([]);
  });

  test.each(own.map(({ code }) => code))('of %s is not found where all is well', async (code) => {
    const files = {
      [`${cni}/10-own.conflist`]: '{"plugins":[{"type":"bridge"}]}',
      [`${paths.cniBinaries}/bridge`]: 'b',
    };
    const outcome = await outcomeOf(code, code === 'CNI_CONFIGURATION' ? { files } : {});
    expect(outcome.verdict, JSON.stringify(outcome)).toBe('ok');
  });
});
