// The status port: what Prometheus, probes and people read.
import { once } from 'node:events';
import net from 'node:net';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Tunnels } from '../../../../gateway/nodes/tunnels.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';
import { scrapeAccess } from '../../../../gateway/serve/scrape-access.ts';
import { openStatusPort, type StatusPort } from '../../../../gateway/serve/status-port.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { logger } from '../port.ts';
import { fakeSession } from '../session.ts';

const registered: RegisteredNode = {
  metadata: { name: 'idc-1' },
  spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
  status: { phase: 'Running', ready: 'True' },
};

let port: StatusPort;
let tunnels: Tunnels;
let reason: string | undefined;
let crowded: string[];

beforeEach(async () => {
  reason = undefined;
  crowded = [];
  tunnels = new Tunnels(Date.now);
  port = await openStatusPort({
    listen: { host: '127.0.0.1', port: 0 },
    pages: {
      contentType: new Registry().contentType,
      here: () => Promise.resolve('node_load1{node="idc-1"} 1\n'),
      node: (name) => Promise.resolve(`the page of ${name}`),
      replica: (name) => Promise.resolve(`the page of ${name}`),
    },
    latest: (name) => (name === 'idc-1' ? { heartbeat: 'x' } : undefined),
    registered: () => [registered],
    node: (name) => (name === 'idc-1' ? registered : undefined),
    tunnels,
    access: scrapeAccess(undefined),
    logger,
    onCrowded: (why) => crowded.push(why),
    kubelets: { scrape: () => Promise.reject(new Fault('TUNNEL_NODE_NOT_CONNECTED', { node: 'idc-1' })) },
    gateway: 'gw-a',
    replicas: () => [{ name: 'gw-a', address: '10.0.0.1:9465', live: true, draining: false }],
    holderOf: () => 'gw-b',
    notReady: () => reason,
  });
});
afterEach(() => port.close());

const get = (path: string) => fetch(`http://127.0.0.1:${port.address.port}${path}`);

test('connections that ask for nothing keep nobody from it', async () => {
  const connect = async () => {
    const socket = net.connect(port.address.port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  const idle = await Promise.all(Array.from({ length: 700 }, connect));
  expect(await (await get('/healthz')).text()).toBe('ok\n');
  expect(new Set(crowded)).toEqual(new Set(['per-address']));
  for (const socket of idle) socket.destroy();
});

test('metrics of the gateway and of the nodes are one answer', async () => {
  const answer = await get('/metrics');
  expect(answer.headers.get('content-type')).toContain('text/plain');
  expect(await answer.text()).toContain('node_load1{node="idc-1"} 1\n');
});

test('pages of one node, and of one replica', async () => {
  expect(await (await get('/nodes/idc-1/metrics')).text()).toBe('the page of idc-1');
  expect(await (await get('/replicas/gw-b/metrics')).text()).toBe('the page of gw-b');
  const unknown = await get('/nodes/idc-9/metrics');
  expect([unknown.status, await unknown.json()]).toMatchObject([404, { error: { code: 'NODE_NOT_FOUND' } }]);
});

test('a node with and without its tunnel', async () => {
  expect(await (await get('/nodes/idc-1')).json()).toMatchObject({
    name: 'idc-1',
    pool: 'idc',
    ready: 'True',
    tunnel: { state: 'Absent', connected: false, holder: 'gw-b' },
    latest: { heartbeat: 'x' },
  });
  const session = fakeSession();
  tunnels.opened('idc-1', session);
  expect(await (await get('/nodes')).json()).toMatchObject({
    gateway: 'gw-a',
    nodes: [{ tunnel: { state: 'Open', connected: true, holder: 'gw-a' } }],
  });
  session.become('Resuming');
  expect(await (await get('/nodes/idc-1')).json()).toMatchObject({
    tunnel: { state: 'Resuming', connected: false },
  });
});

test.each([
  ['/healthz', 200],
  ['/readyz', 200],
  ['/nodes/nobody', 404],
  ['/', 404],
  ['/discovery/gateways', 200],
  ['/discovery/pods', 404],
])('%s: %i', async (path, status) => {
  expect((await get(path)).status).toBe(status);
});

test('not ready, and why', async () => {
  reason = 'not read yet: nodes';
  const answer = await get('/readyz');
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({ ready: false, reason });
  expect((await get('/healthz')).status).toBe(200);
});
