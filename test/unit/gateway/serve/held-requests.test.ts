// A request whose body takes its time: what it asks for is done for who the node is when it is done.
import type { ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { beforeEach, expect, test, vi } from 'vitest';
import { createCounters } from '../../../../gateway/audit/counters.ts';
import { Authority } from '../../../../gateway/join/authority.ts';
import type { PeerCertificate } from '../../../../gateway/join/client-certificate.ts';
import { JoinPace } from '../../../../gateway/join/join-pace.ts';
import { nodes } from '../../../../gateway/kubernetes/kinds.ts';
import { Departures } from '../../../../gateway/nodes/departures.ts';
import { Tunnels } from '../../../../gateway/nodes/tunnels.ts';
import type { Exchange } from '../../../../gateway/port/route.ts';
import { nodePools } from '../../../../gateway/resources/node-pool.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { publicRoutes, type RoutesOptions } from '../../../../gateway/serve/routes.ts';
import { facts } from '../applicant.ts';
import { bookOf } from '../book.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { pool, store } from '../pool.ts';
import { logger } from '../port.ts';

let kubernetes: MemoryKubernetes;
let options: RoutesOptions;

beforeEach(async () => {
  kubernetes = memoryKubernetes();
  const authority = await Authority.open(kubernetes);
  await kubernetes.create(nodePools, pool('idc'));
  await kubernetes.create(registeredNodes, {
    metadata: { name: 'idc-1', finalizers: ['regnode.io/leave'] },
    spec: { pool: 'idc', machineId: '', keySha256: 'old', addresses: ['10.77.0.11'] },
  });
  const status = { joinedAt: new Date(0).toISOString(), certificateSerials: ['OLD'] };
  await kubernetes.patch(registeredNodes, 'idc-1', { status }, { subresource: 'status' });
  await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
  const audit = { record() {}, reopen() {}, close() {} };
  const shared = { kubernetes, logger, audit, counters: createCounters(), recordEvent: () => {} };
  const now = Date.now;
  const departures = new Departures({ ...shared, tunnels: new Tunnels(now), drainTimeoutMs: 1000, now });
  options = {
    ...shared,
    desk: {
      ...{ kubernetes, book: bookOf(kubernetes), now },
      authority,
      artifacts: async () => store,
      apiServer: { url: '', caPem: '' },
      isConnected: () => false,
      pace: new JoinPace(),
    },
    store: undefined as never,
    reconciler: { desired: async () => undefined } as never,
    departures,
    node: (name) => kubernetes.stored(nodes).find(({ metadata }) => metadata.name === name),
  };
});

/** The node was readmitted with another key: the certificate at hand is struck. */
async function readmitted(): Promise<void> {
  await kubernetes.patch(registeredNodes, 'idc-1', { spec: { keySha256: 'new' } });
  const status = { certificateSerials: ['NEW'] };
  await kubernetes.patch(registeredNodes, 'idc-1', { status }, { subresource: 'status' });
}

const cluster = () => JSON.stringify([kubernetes.stored(registeredNodes), kubernetes.stored(nodes)]);

test.each<[string, string, unknown]>([
  ['POST', '/v1/node/drain', { waitMs: 0 }],
  ['GET', '/v1/node/drain-plan', undefined],
  ['POST', '/v1/node/upgrade-drain', undefined],
  ['POST', '/v1/node/uncordon', undefined],
  ['POST', '/v1/node/deregister', undefined],
  ['POST', '/v1/node/facts', { facts: { ...facts, addresses: ['10.77.0.11'] } }],
  ['GET', '/v1/node/status', undefined],
  ['GET', '/v1/node/desired', undefined],
])('a certificate that was struck meanwhile: %s %s changes and tells nothing', async (method, path, body) => {
  const route = publicRoutes(options).find((one) => one.path === path && one.methods.includes(method));
  if (route?.access !== 'node') throw new Error(path);
  const request = new PassThrough();
  const exchange = { request, response: {} as ServerResponse, path, address: '10.77.0.11' };
  const certificate = { serial: 'OLD' } as PeerCertificate;
  const identity = { name: 'idc-1', pool: 'idc' };
  const run = () => route.run(exchange as unknown as Exchange, identity, certificate);
  // Who asks was known before, also where there is no body to wait for.
  const held = body === undefined ? undefined : run();
  await readmitted();
  const before = cluster();
  request.end(JSON.stringify(body));
  await expect(held ?? run()).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' });
  expect(cluster()).toBe(before);
});

test('a node’s questions about itself read no Node: what its kubelet wrote there may be megabytes', async () => {
  const asked: string[] = [];
  kubernetes.before = (verb, plural) => void asked.push(`${verb} ${plural}`);
  const route = publicRoutes(options).find(({ path }) => path === '/v1/node/status');
  if (route?.access !== 'node') throw new Error('no such route');
  const response = { writeHead: vi.fn(), end: vi.fn() };
  const exchange = { request: {}, response, path: route.path, address: '10.77.0.11' };
  const identity = { name: 'idc-1', pool: 'idc' };
  await route.run(exchange as unknown as Exchange, identity, { serial: 'OLD' } as PeerCertificate);
  expect(JSON.parse(String(response.end.mock.calls[0]?.[0]))).toMatchObject({ ready: 'Unknown' });
  expect(asked).toEqual(['get registerednodes']);
});
