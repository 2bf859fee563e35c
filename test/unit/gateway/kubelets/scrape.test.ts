// A kubelet's metrics through its tunnel: who may ask, what is refused, what comes back.
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { KubeletConnections } from '../../../../gateway/kubelets/connections.ts';
import { KubeletScrapes, type ScrapeLimits } from '../../../../gateway/kubelets/scrape.ts';
import { KubeletToken } from '../../../../gateway/kubelets/token.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { Tunnels } from '../../../../gateway/nodes/tunnels.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import { scrapeAccess } from '../../../../gateway/serve/scrape-access.ts';
import { openStatusPort } from '../../../../gateway/serve/status-port.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { logger } from '../port.ts';
import { type Authority, createAuthority, type Kubelet, startKubelet } from './kubelet.ts';

/** On a machine that is busy with other things, too. */
const eventually = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 10_000 });

let authority: Authority;
let stranger: Authority;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([createAuthority('cluster'), createAuthority('stranger')]);
});

const noPages = {
  contentType: 'text/plain',
  here: () => Promise.resolve(''),
  node: () => Promise.resolve(''),
  replica: () => Promise.resolve(''),
};

const endings: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const node = (name: string, more: Partial<RegisteredNode['status']> = {}): RegisteredNode => ({
  metadata: { name },
  spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
  status: { phase: 'Running', joinedAt: '2026-01-01T00:00:00Z', ...more },
});

const registered = [
  node('idc-2', { tunnel: { connected: false, since: '', gateway: '' } }),
  node('idc-1', { tunnel: { connected: true, since: '', gateway: '' } }),
  { metadata: { name: 'claim' }, spec: node('claim').spec },
];

interface World {
  readonly kubelets?: Readonly<Record<string, Kubelet>>;
  readonly limits?: Partial<ScrapeLimits>;
  readonly tokenFile?: string;
}

async function open({ kubelets = {}, limits = {}, tokenFile }: World) {
  const outcomes: string[] = [];
  const forgotten: string[] = [];
  const connections = new KubeletConnections({ wayTo: (name) => kubelets[name], caPem: authority.pem });
  endings.push(() => connections.destroy());
  const scrapes = new KubeletScrapes({
    connections,
    token: { get: () => Promise.resolve('metrics-token'), forget: (token) => forgotten.push(token) },
    limits,
    onOutcome: (outcome) => outcomes.push(outcome),
  });
  const port = await openStatusPort({
    listen: { host: '127.0.0.1', port: 0 },
    pages: noPages,
    latest: () => undefined,
    registered: () => registered,
    node: (name) => registered.find(({ metadata }) => metadata.name === name),
    tunnels: new Tunnels(Date.now),
    gateway: 'gw-a',
    replicas: () => [],
    holderOf: () => undefined,
    access: scrapeAccess(tokenFile),
    logger,
    kubelets: scrapes,
    notReady: () => undefined,
  });
  endings.push(() => port.close());
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port.address.port}${path}`, { headers });
  return { get, outcomes, forgotten, connections, port: port.address.port };
}

async function kubelet(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  { name = 'idc-1', by = authority } = {},
): Promise<Kubelet> {
  const started = await startKubelet(by, name, answer);
  endings.push(() => started.close());
  return started;
}

const cadvisor = '/nodes/idc-1/kubelet/metrics/cadvisor';
const codeOf = async (answer: Response) => ((await answer.json()) as { error: { code: string } }).error.code;

describe('refused', () => {
  test('an answer that is more frame than content, and one that is only announced', async () => {
    const cut = Promise.withResolvers<void>();
    const tiny = Buffer.from('1\r\na\r\n'.repeat(10_000));
    const provisional = Buffer.from('HTTP/1.1 102 Processing\r\n\r\n'.repeat(1000));
    const without = (bytes: Buffer, head = '') =>
      kubelet((_request, { socket }) => {
        socket?.on('error', () => {});
        socket?.once('close', () => cut.resolve());
        socket?.write(head);
        const more = () => {
          while (socket?.writable && socket.write(bytes));
        };
        socket?.on('drain', more);
        more();
      });
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    for (const one of [await without(tiny, head), await without(provisional)]) {
      const { get, outcomes } = await open({ kubelets: { 'idc-1': one } });
      // An answer that has begun breaks off.
      const patient = { 'x-prometheus-scrape-timeout-seconds': '60' };
      const body = await get(cadvisor, patient)
        .then((answer) => answer.text())
        .catch(() => 'broken off');
      expect(body).toMatch(/KUBELET_SCRAPE_FAILED|broken off/);
      expect(outcomes).toEqual(['failed']);
      await cut.promise;
    }
  }, 50_000);

  test.each([
    ['another node’s certificate', { name: 'idc-9' }],
    ['a certificate of nobody that we know', { stranger: true }],
  ])(
    '%s',
    async (_, { name = 'idc-1', stranger: isStranger = false }: { name?: string; stranger?: boolean }) => {
      const wrong = await kubelet((_request, response) => response.end('secret'), {
        name,
        by: isStranger ? stranger : authority,
      });
      const { get, outcomes } = await open({ kubelets: { 'idc-1': wrong } });
      const answer = await get(cadvisor);
      expect(answer.status).toBe(502);
      expect(await codeOf(answer)).toBe('KUBELET_SCRAPE_FAILED');
      expect(wrong.requests, 'and the token was not shown to it').toEqual([]);
      expect(outcomes).toEqual(['failed']);
    },
  );

  test('a node without a tunnel, one that is not registered, a path that is no metric', async () => {
    const { get } = await open({});
    const away = await get(cadvisor);
    expect([away.status, await codeOf(away)]).toEqual([503, 'TUNNEL_NODE_NOT_CONNECTED']);
    const unknown = await get('/nodes/nobody/kubelet/metrics');
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, 'NODE_NOT_FOUND']);
    for (const path of [
      '/nodes/idc-1/kubelet/metrics/else',
      '/nodes/idc-1/kubelet/pods',
      '/nodes/idc-1/kubelet/metrics/../../run',
    ]) {
      expect((await get(path)).status, path).toBe(404);
    }
  });

  test('a kubelet that refuses: said with its status, and the token is asked for anew', async () => {
    const refusing = await kubelet((_request, response) => response.writeHead(401).end('Unauthorized'));
    const { get, forgotten } = await open({ kubelets: { 'idc-1': refusing } });
    const answer = await get(cadvisor);
    expect([answer.status, await codeOf(answer)]).toEqual([502, 'KUBELET_SCRAPE_FAILED']);
    expect(forgotten).toEqual(['metrics-token']);
  });

  test('an answer without end is cut off, and never looks complete', async () => {
    const endless = await kubelet((_request, response) => {
      const write = () => {
        while (response.write(Buffer.alloc(1000, 'x')));
      };
      response.on('drain', write);
      write();
    });
    const { get, outcomes } = await open({ kubelets: { 'idc-1': endless }, limits: { answerBytes: 10_000 } });
    await expect(get(cadvisor).then((answer) => answer.text())).rejects.toThrow();
    await eventually(() => expect(outcomes).toEqual(['failed']));
  });

  test('a kubelet that is silent: as long as Prometheus would wait', async () => {
    const silent = await kubelet(() => undefined);
    const { get } = await open({ kubelets: { 'idc-1': silent } });
    const answer = await get(cadvisor, { 'X-Prometheus-Scrape-Timeout-Seconds': '0.2' });
    expect([answer.status, await codeOf(answer)]).toEqual([502, 'KUBELET_SCRAPE_FAILED']);
  });

  test('too many at a time for one node; the next after they have ended', async () => {
    const waiting: ServerResponse[] = [];
    const slow = await kubelet((_request, response) => void waiting.push(response));
    const { get } = await open({ kubelets: { 'idc-1': slow }, limits: { perNode: 2 } });
    const under = [get(cadvisor), get(cadvisor)];
    await eventually(() => expect(waiting).toHaveLength(2));
    const third = await get(cadvisor);
    expect([third.status, await codeOf(third)]).toEqual([503, 'SCRAPE_LIMIT']);
    for (const response of waiting.splice(0)) response.end('up 1\n');
    for (const answer of await Promise.all(under)) expect(await answer.text()).toBe('up 1\n');
    const next = get(cadvisor);
    await eventually(() => expect(waiting).toHaveLength(1));
    waiting[0]?.end();
    expect((await next).status).toBe(200);
  });

  test('without the token of the file; a new token in the file is good at once', async () => {
    const tokenFile = join(tmpdir(), `regnode-scrape-token-${process.pid}`);
    await writeFile(tokenFile, 'first\n');
    const { get } = await open({ tokenFile });
    const status = async (path: string, token?: string) =>
      (await get(path, token === undefined ? {} : { authorization: `Bearer ${token}` })).status;
    for (const path of [
      ...[
        '/metrics',
        '/nodes',
        '/nodes/idc-1',
        '/nodes/idc-1/metrics',
        '/replicas',
        '/replicas/gw-a/metrics',
      ],
      ...['/discovery/kubelets', '/discovery/nodes', '/discovery/gateways', cadvisor, '/'],
    ]) {
      expect(await status(path), path).toBe(401);
      expect(await status(path, 'firs'), path).toBe(401);
    }
    expect(await status('/healthz')).toBe(200);
    expect(await status('/metrics', 'first')).toBe(200);
    expect((await get('/metrics', { authorization: 'first' })).status, 'as Prometheus 2.42 shows it').toBe(
      200,
    );
    await writeFile(tokenFile, 'second\n');
    expect(await status('/metrics', 'first')).toBe(401);
    expect(await status('/metrics', 'second')).toBe(200);
    await writeFile(tokenFile, '\n');
    expect(await status('/metrics', ''), 'an empty one opens nothing').toBe(500);
  });

  test('without a token file, kubelets from elsewhere than this machine', async () => {
    const access = scrapeAccess(undefined);
    const from = (remoteAddress: string) => ({ headers: {}, socket: { remoteAddress } }) as IncomingMessage;
    await expect(access.check(from('10.1.2.3'), true)).rejects.toMatchObject({ code: 'SCRAPE_NOT_LOCAL' });
    await access.check(from('10.1.2.3'), false);
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '::1']) await access.check(from(address), true);
  });
});

test('the answer comes as the kubelet gave it, over one connection for all scrapes', async () => {
  const page = 'container_cpu_usage_seconds_total{pod="web"} 1\n';
  const good = await kubelet((request, response) => {
    const zipped = String(request.headers['accept-encoding']).includes('gzip');
    response.writeHead(200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'set-cookie': 'a=b',
      ...(zipped ? { 'content-encoding': 'gzip' } : {}),
    });
    response.end(zipped ? gzipSync(page) : page);
  });
  const { get, outcomes } = await open({ kubelets: { 'idc-1': good } });
  for (const encoding of ['gzip', 'identity', 'gzip']) {
    const answer = await get(cadvisor, { 'accept-encoding': encoding, cookie: 'mine', 'x-other': 'y' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-encoding')).toBe(encoding === 'gzip' ? 'gzip' : null);
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(await answer.text()).toBe(page);
  }
  expect(good.streams).toBe(1);
  expect(outcomes).toEqual(['completed', 'completed', 'completed']);
  const [asked] = good.requests;
  expect(asked).toMatchObject({ method: 'GET', url: '/metrics/cadvisor' });
  expect(asked?.headers.authorization).toBe('Bearer metrics-token');
  expect(asked?.headers).not.toHaveProperty('cookie');
  expect(asked?.headers).not.toHaveProperty('x-other');
});

test('a tunnel that moves: what is idle ends at once, what is under way with its answer, and the next goes the new way', async () => {
  const held: ServerResponse[] = [];
  const old = await kubelet((request, response) => {
    if (request.url === '/metrics') held.push(response);
    else response.end('old 1\n');
  });
  const moved = await kubelet((_request, response) => response.end('new 1\n'));
  const ways: Record<string, Kubelet> = { 'idc-1': old };
  const { get, connections } = await open({ kubelets: ways });
  const underWay = get('/nodes/idc-1/kubelet/metrics');
  await eventually(() => expect(held).toHaveLength(1));
  expect(await (await get(cadvisor)).text()).toBe('old 1\n');
  const kept = () => Object.values(connections.freeSockets).flatMap((sockets) => sockets ?? []).length;
  await eventually(() => expect(kept()).toBe(1));

  ways['idc-1'] = moved;
  connections.moved('idc-2');
  expect(kept(), 'another node').toBe(1);
  connections.moved('idc-1');
  await eventually(() => expect(kept()).toBe(0));
  expect(await (await get(cadvisor)).text()).toBe('new 1\n');
  held[0]?.end('last 1\n');
  expect(await (await underWay).text()).toBe('last 1\n');
  for (let index = 0; index < 3; index++) expect(await (await get(cadvisor)).text()).toBe('new 1\n');
  expect([old.streams, moved.streams]).toEqual([2, 1]);
});

test('a kept connection that was cut just now costs no scrape', async () => {
  const good = await kubelet((_request, response) => response.end('up 1\n'));
  const { get, connections, outcomes } = await open({ kubelets: { 'idc-1': good } });
  for (let cut = 0; cut < 5; cut++) {
    expect(await (await get(cadvisor)).text()).toBe('up 1\n');
    await eventually(() => expect(Object.keys(connections.freeSockets)).toHaveLength(1));
    // It goes away in the very moment in which it is used.
    for (const sockets of Object.values(connections.freeSockets))
      for (const socket of sockets ?? []) socket.once('newListener', () => socket.destroy());
  }
  expect(outcomes).toEqual(Array(5).fill('completed'));
});

test('a Prometheus that goes away ends the request to the kubelet too', async () => {
  let closed = false;
  const slow = await kubelet((request) => void request.once('close', () => (closed = true)));
  const { port, outcomes } = await open({ kubelets: { 'idc-1': slow } });
  const request = http.get({ port, path: cadvisor });
  request.on('error', () => undefined);
  await eventually(() => expect(slow.requests).toHaveLength(1));
  request.destroy();
  await eventually(() => expect([closed, outcomes]).toEqual([true, ['abandoned']]));
});

test('discovery: each node that has joined, connected or not, at the address that was asked', async () => {
  const { get, port } = await open({});
  const list = (await (await get('/discovery/kubelets?path=/metrics/cadvisor')).json()) as unknown;
  const labels = (name: string, connected: boolean) => ({
    __metrics_path__: `/nodes/${name}/kubelet/metrics/cadvisor`,
    __meta_regnode_phase: 'Running',
    __meta_regnode_connected: String(connected),
    instance: name,
    node: name,
    pool: 'idc',
    metrics_path: '/metrics/cadvisor',
  });
  const targets = [`127.0.0.1:${port}`];
  expect(list).toEqual([
    { targets, labels: labels('idc-1', true) },
    { targets, labels: labels('idc-2', false) },
  ]);
  expect((await (await get('/discovery/kubelets')).json()) as unknown[]).toHaveLength(8);
  expect((await get('/discovery/kubelets?path=/pods')).status).toBe(404);
});

describe('the token for kubelets', () => {
  const granted = (token: string, atMs: number) => ({
    status: { token, expirationTimestamp: new Date(atMs + 3600_000).toISOString() },
  });

  test('is asked for once for many scrapes, again before it expires, and after a kubelet did not know it', async () => {
    const clock = { nowMs: 1_800_000_000_000 };
    let asked = 0;
    const request = () => Promise.resolve(granted(`token-${++asked}`, clock.nowMs));
    const token = new KubeletToken({ request }, () => clock.nowMs);
    expect(await Promise.all([token.get(), token.get(), token.get()])).toEqual([
      'token-1',
      'token-1',
      'token-1',
    ]);
    clock.nowMs += 0.79 * 3600_000;
    expect(await token.get()).toBe('token-1');
    clock.nowMs += 0.02 * 3600_000;
    expect(await token.get()).toBe('token-2');
    token.forget('token-1');
    expect(await token.get()).toBe('token-2');
    token.forget('token-2');
    expect(await token.get()).toBe('token-3');
  });

  test('a cluster that was set up by an older gateway is told so; a failure is not remembered', async () => {
    const failure = new KubernetesFailure({ status: 403, reason: 'Forbidden', message: '', request: '' });
    let asked = 0;
    const token = new KubeletToken(
      { request: () => (++asked === 1 ? Promise.reject(failure) : Promise.resolve(granted('late', 0))) },
      () => 0,
    );
    await expect(token.get()).rejects.toThrow(Fault);
    expect(await token.get()).toBe('late');
  });
});
