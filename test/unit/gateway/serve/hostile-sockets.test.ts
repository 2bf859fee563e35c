// Every route of every port, asked by peers that break off wherever they can: a body that is announced and
// never sent, an answer that is never read, a cut at each stage, requests behind each other, an end after the
// head. The process lives and tells no defect (test/setup/no-defects.ts), what was asked is counted, sockets
// and memory are given back, and the next one is served.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net, { type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ArtifactStore } from '../../../../gateway/artifacts/store.ts';
import { createCounters } from '../../../../gateway/audit/counters.ts';
import { JoinPace } from '../../../../gateway/join/join-pace.ts';
import { nodes } from '../../../../gateway/kubernetes/kinds.ts';
import { lineRoutes } from '../../../../gateway/line/routes.ts';
import { LineSessions } from '../../../../gateway/line/sessions.ts';
import { Transfers } from '../../../../gateway/line/transfers.ts';
import type { Departures } from '../../../../gateway/nodes/departures.ts';
import type { Reconciler } from '../../../../gateway/nodes/reconciler.ts';
import { Tunnels } from '../../../../gateway/nodes/tunnels.ts';
import { readJson } from '../../../../gateway/port/answer.ts';
import { limits } from '../../../../gateway/port/limits.ts';
import { openDoor } from '../../../../gateway/replicas/door.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { JoinPatience } from '../../../../gateway/serve/join-patience.ts';
import { joinRoute } from '../../../../gateway/serve/join-route.ts';
import { publicRoutes } from '../../../../gateway/serve/routes.ts';
import { scrapeAccess } from '../../../../gateway/serve/scrape-access.ts';
import { openStatusPort } from '../../../../gateway/serve/status-port.ts';
import { TunnelHub } from '../../../../gateway/tunnel/hub.ts';
import { lineTicket, lineTicketHeader } from '../../../../protocol/line/session.ts';
import { PemConverter } from '../../../../protocol/messages/x509.ts';
import { realClock } from '../../../../protocol/tunnel/clock.ts';
import { resetSocket } from '../../../../protocol/tunnel/socket.ts';
import { desiredState } from '../../../worlds/desired.ts';
import { Loopback } from '../../tunnel/loopback.ts';
import { bookOf } from '../book.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';
import { artifact, offered } from '../pool.ts';
import { logger, openTestPort, type TestPort } from '../port.ts';

// Thousands of connections on a machine that may be busy: a limit for what hangs.
vi.setConfig({ testTimeout: 300_000 });
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

interface Asked {
  readonly name: string;
  /** Request line and headers, without Host and the empty line. */
  readonly head: string;
  readonly body?: string;
}

interface Port {
  /** A connected socket, TLS done. */
  readonly connect: () => Promise<Socket>;
  /** Something that a good peer asks, and how the answer begins. */
  readonly well: { readonly head: string; readonly answer: RegExp };
}

const undo: (() => unknown)[] = [];
afterAll(async () => {
  vi.resetConfig();
  for (const step of undo.reverse()) await step();
});

const text = ({ head, body = '' }: Asked, length = body.length) =>
  `${head}\r\nHost: gateway\r\n${length > 0 ? `Content-Length: ${length}\r\n` : ''}\r\n`;

/** Each breaks off in its own way, and is done when it has. */
const ways: Readonly<Record<string, (port: Port, asked: Asked) => Promise<void>>> = {
  'a body that is announced and never sent': async (port, asked) => {
    const socket = await port.connect();
    socket.write(text(asked, 1000));
    await sleep(40);
    socket.destroy();
  },
  'an answer that is never read': async (port, asked) => {
    const socket = await port.connect();
    socket.pause();
    socket.write(`${text(asked)}${asked.body ?? ''}`);
    await sleep(40);
    socket.destroy();
  },
  'a cut at each stage': async (port, asked) => {
    const whole = `${text(asked)}${asked.body ?? ''}`;
    const head = text(asked).length;
    const stages = [0, 1, asked.head.length, head - 1, head, head + 1, whole.length - 1];
    for (const stage of new Set(stages.filter((at) => at >= 0 && at < whole.length))) {
      const socket = await port.connect();
      socket.write(whole.slice(0, stage));
      await sleep(5);
      if (stage % 2 === 0) resetSocket(socket);
      else socket.destroy();
    }
  },
  'twenty behind each other': async (port, asked) => {
    const socket = await port.connect();
    socket.resume();
    socket.write(`${text(asked)}${asked.body ?? ''}`.repeat(20));
    await sleep(60);
    socket.destroy();
  },
  'an end after the first byte of the answer': async (port, asked) => {
    const socket = await port.connect();
    socket.write(`${text(asked)}${asked.body ?? ''}`);
    await Promise.race([once(socket, 'data'), once(socket, 'close'), sleep(200)]);
    socket.destroy();
  },
};

async function served({ connect, well }: Port): Promise<void> {
  const socket = await connect();
  socket.write(`${well.head}\r\nHost: gateway\r\nConnection: close\r\n\r\n`);
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += String(chunk);
  });
  await once(socket, 'close');
  expect(answer).toMatch(well.answer);
}

const openSockets = () =>
  process.getActiveResourcesInfo().filter((name) => /^(?:TCPSocketWrap|TLSWrap|PipeWrap)$/.test(name)).length;

/** All of them at this port, twice; then sockets and memory are back. */
async function endure(port: Port, asked: readonly Asked[], way: string): Promise<void> {
  const before = openSockets();
  const round = () => Promise.all(asked.map((one) => ways[way]?.(port, one)));
  await round();
  await served(port);
  collect();
  const heap = process.memoryUsage().heapUsed;
  await round();
  await served(port);
  await expect.poll(openSockets, { timeout: 20_000 }).toBeLessThanOrEqual(before);
  collect();
  expect(process.memoryUsage().heapUsed - heap).toBeLessThan(16 * 1024 * 1024);
}

const newCounters = () => createCounters();
const names = Object.keys(ways);
const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;

function track(connect: () => Socket, event: string): () => Promise<Socket> {
  return async () => {
    const socket = connect();
    socket.on('error', () => {});
    await once(socket, event);
    return socket;
  };
}

describe('the public port', () => {
  let gateway: TestPort;
  let anybody: Port;
  let node: Port;
  let asked: Asked[];
  const counted = async () => {
    const { values } = await gateway.counters.requests.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  };

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'regnode-hostile-'));
    undo.push(() => rm(directory, { recursive: true }));
    const big = artifact('kubelet', '1.20.2');
    await writeFile(join(directory, big.path.slice('/artifacts/'.length)), Buffer.alloc(8 * 1024 * 1024));
    const offer = offered([big]);
    const store = { directory, manifest: async () => ({ ...offer, files: new Map() }) };
    const kubernetes = memoryKubernetes();
    await kubernetes.create(registeredNodes, {
      metadata: { name: 'idc-1' },
      spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
    });
    await kubernetes.create(nodes, { metadata: { name: 'idc-1' } });
    const departures: Pick<Departures, 'drain' | 'deregister'> = {
      drain: async () => ({ evictedPods: [], remainingPods: [] }),
      deregister: async () => {},
    };
    const reconciler: Pick<Reconciler, 'desired'> = { desired: async () => desiredState };
    const sessions = new LineSessions({
      secret: () => Buffer.alloc(32, 7),
      udpPort: () => undefined,
      inboundPort: 1,
      now: Date.now,
    });
    gateway = await openTestPort(
      (authority) => [
        ...lineRoutes({
          sessions,
          transfers: new Transfers(Date.now, 500),
          addressesOf: () => [],
          now: Date.now,
        }),
        ...publicRoutes({
          desk: {
            kubernetes,
            authority,
            artifacts: async () => offer,
            apiServer: { url: 'https://10.77.0.1:6443', caPem: 'CA' },
            isConnected: () => false,
            pace: new JoinPace(),
            book: bookOf(kubernetes),
            now: Date.now,
          },
          store: store as unknown as ArtifactStore,
          departures: departures as Departures,
          reconciler: reconciler as Reconciler,
          node: () => undefined,
          audit: { record() {}, reopen() {}, close() {} },
          counters: newCounters(),
          recordEvent: () => {},
        }),
      ],
      {
        identify: async () => ({ name: 'idc-1', pool: 'idc' }),
        places: {
          strangersPerAddress: 10_000,
          perNode: 10_000,
          handshakes: { burst: 100_000, perSecond: 100_000 },
          handshakesOfNode: { burst: 100_000, perSecond: 100_000 },
          handshakesOfUnknown: { burst: 100_000, perSecond: 100_000 },
          handshakesKept: { burst: 100_000, perSecond: 100_000 },
        },
      },
    );
    undo.push(() => gateway.port.close(0));
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ]);
    const issued = await gateway.authority.issueNode({
      name: 'idc-1',
      pool: 'idc',
      publicKey: keys.publicKey,
    });
    const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    const to = { host: '127.0.0.1', port: gateway.port.address.port, ca: gateway.authority.caPem };
    const well = { head: 'GET /healthz HTTP/1.1', answer: /^HTTP\/1.1 200 / };
    anybody = { connect: track(() => tls.connect(to), 'secureConnect'), well };
    const own = { ...to, cert: issued.certificatePem, key };
    node = { connect: track(() => tls.connect(own), 'secureConnect'), well };
    const { session, expiresAtSeconds, keys: lineKeys } = sessions.open('127.0.0.1');
    const ticket = lineTicket(session, expiresAtSeconds, Buffer.from(lineKeys[0]?.key ?? '', 'base64'));
    const routes = [
      'GET /healthz',
      'HEAD /healthz',
      'GET /cacert',
      'GET /install.sh',
      `GET ${big.path}`,
      'GET /artifacts/none',
      'POST /v1/join',
      'POST /v1/node/renew',
      'POST /v1/node/drain',
      'POST /v1/node/upgrade-drain',
      'POST /v1/node/uncordon',
      'POST /v1/node/deregister',
      'GET /v1/node/status',
      'GET /v1/node/desired',
      'POST /v1/line/session',
      'POST /v1/node/line/session',
      'GET /v1/line/time',
      'GET /v1/line/source?bytes=4194304',
      'POST /v1/line/sink',
      'GET /v1/tunnel',
      'DELETE /v1/join',
      'GET /nothing',
    ];
    asked = routes.map((route) => ({
      name: route,
      head: `${route} HTTP/1.1\r\n${lineTicketHeader}: ${ticket}`,
      ...(route.startsWith('POST') && { body: route.endsWith('/join') ? deep : '{"csrPem":"x"}' }),
    }));
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
    asked.push({ name: 'an upgrade', head: `GET /v1/tunnel HTTP/1.1\r\n${upgrade}` });
    asked.push({ name: 'an upgrade elsewhere', head: `GET /v1/join HTTP/1.1\r\n${upgrade}` });
  });

  test.each(names)('%s, by anybody and by a node', async (way) => {
    const before = await counted();
    await endure(anybody, asked, way);
    await endure(node, asked, way);
    expect(await counted()).toBeGreaterThan(before + 2);
  });
});

test('a join with a body that is deep answers 400 with a code, and counts for the limiter', async () => {
  const offer = offered([]);
  const audited: string[] = [];
  const kubernetes = memoryKubernetes();
  const gateway = await openTestPort((authority) => [
    {
      methods: ['POST'],
      path: '/v1/join',
      access: 'anybody',
      run: joinRoute({
        desk: {
          kubernetes,
          book: bookOf(kubernetes),
          authority,
          artifacts: async () => offer,
          apiServer: { url: 'https://10.77.0.1:6443', caPem: 'CA' },
          isConnected: () => false,
          pace: new JoinPace(),
          now: Date.now,
        },
        audit: { record: (record) => audited.push(String(record.code)), reopen() {}, close() {} },
        counters: newCounters(),
        recordEvent: () => {},
        patience: new JoinPatience(kubernetes, Date.now),
      }),
    },
  ]);
  undo.push(() => gateway.port.close(0));
  const answers: string[] = [];
  while (answers.length < 60 && !answers.at(-1)?.includes(' 429 ')) {
    const to = { host: '127.0.0.1', port: gateway.port.address.port, ca: gateway.authority.caPem };
    const socket = await track(() => tls.connect(to), 'secureConnect')();
    socket.write(`POST /v1/join HTTP/1.1\r\nHost: g\r\nContent-Length: ${deep.length}\r\n\r\n${deep}`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    answers.push(String(answer));
    socket.destroy();
  }
  const refusals = answers.slice(0, -1);
  expect(refusals.length).toBeGreaterThanOrEqual(limits.refusals.burst);
  for (const answer of refusals) expect(answer).toMatch(/^HTTP\/1.1 400 .*"REQUEST_MALFORMED"/s);
  expect(answers.at(-1)).toMatch(/^HTTP\/1.1 429 /);
  expect(new Set(audited)).toEqual(new Set(['REQUEST_MALFORMED']));
});

test('a body of thousands of keys is not looked at', async () => {
  const keys = Array.from({ length: 5000 }, (_, index) => `"${index}":0`).join();
  const body = Readable.from([Buffer.from(`{"token":"x","hasKey":true,${keys}}`)]);
  await expect(readJson(body as never)).rejects.toMatchObject({
    code: 'REQUEST_MALFORMED',
    values: { detail: 'body: more than 256 values' },
  });
});

describe('the status port', () => {
  let port: Port;
  beforeAll(async () => {
    const registered = {
      metadata: { name: 'idc-1' },
      spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
    };
    const page = 'x'.repeat(8 * 1024 * 1024);
    const status = await openStatusPort({
      listen: { host: '127.0.0.1', port: 0 },
      pages: {
        contentType: 'text/plain',
        here: async () => page,
        node: async () => page,
        replica: () => Promise.reject(new Error('a page that fails')),
      },
      latest: () => undefined,
      registered: () => [registered],
      node: (name) => (name === 'idc-1' ? registered : undefined),
      tunnels: new Tunnels(Date.now),
      access: scrapeAccess(undefined),
      logger,
      kubelets: {
        scrape: async (_node, _path, _request, response) => {
          response.writeHead(200);
          response.write('the beginning');
          throw new Error('and then no more');
        },
      },
      gateway: 'gw-a',
      replicas: () => [],
      holderOf: () => undefined,
      notReady: () => undefined,
    });
    undo.push(() => status.close());
    const to = { host: '127.0.0.1', port: status.address.port };
    const well = { head: 'GET /healthz HTTP/1.1', answer: /^HTTP\/1.1 200 / };
    port = { connect: track(() => net.connect(to), 'connect'), well };
  });

  const paths = [
    '/healthz',
    '/readyz',
    '/metrics',
    '/nodes',
    '/nodes/idc-1',
    '/nodes/idc-1/metrics',
    '/nodes/none/metrics',
    '/nodes/idc-1/kubelet/metrics',
    '/replicas',
    '/replicas/gw-b/metrics',
    '/discovery/nodes',
    '/discovery/kubelets?path=x',
    '/discovery/gateways',
    '/%00',
    '//x',
  ];
  const asked = paths.flatMap((path) =>
    ['GET', 'POST'].map((method) => ({
      name: path,
      head: `${method} ${path} HTTP/1.1`,
      ...(method === 'POST' && { body: '{}' }),
    })),
  );
  test.each(names)('%s', (way) => endure(port, asked, way));
});

describe('the door for replicas', () => {
  let stranger: Port;
  let replica: Port;
  const refused: string[] = [];
  beforeAll(async () => {
    const test = await openTestPort(() => []);
    undo.push(() => test.port.close(0));
    const { authority } = test;
    const certificate = async (name: string) => ({
      ...(await authority.issueReplica(name)),
      caPem: authority.caPem,
    });
    const door = await openDoor({
      listen: { host: '127.0.0.1', port: 0 },
      certificate: await certificate('gw-a'),
      hub: new TunnelHub({ logger }),
      audit: () => {},
      onQuestion: (stream) => stream.accept(),
      onRefused: ({ code }) => refused.push(code),
      clock: realClock,
      logger,
    });
    undo.push(() => door.close());
    const to = {
      host: '127.0.0.1',
      port: door.address.port,
      ca: authority.caPem,
      checkServerIdentity: () => undefined,
    };
    const { certificatePem, keyPem } = await certificate('gw-b');
    const well = { head: 'GET / HTTP/1.1', answer: /^HTTP\/1.1 40[34] / };
    stranger = { connect: track(() => tls.connect(to), 'secureConnect'), well };
    replica = {
      connect: track(() => tls.connect({ ...to, cert: certificatePem, key: keyPem }), 'secureConnect'),
      well,
    };
  });

  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  const asked: Asked[] = [
    { name: 'a request', head: 'GET / HTTP/1.1' },
    { name: 'a body', head: 'POST /v1/replica HTTP/1.1', body: deep },
    {
      name: 'an upgrade',
      head: `GET /v1/replica HTTP/1.1\r\n${upgrade}\r\nSec-WebSocket-Protocol: regnode.v1`,
    },
    {
      name: 'half an upgrade',
      head: `GET /v1/replica HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket`,
    },
  ];
  test.each(names)('%s, by a stranger and by a replica', async (way) => {
    const before = refused.length;
    await endure(stranger, asked, way);
    await endure(replica, asked, way);
    expect(refused.length).toBeGreaterThan(before);
  });
});

describe('CONNECT of the API server', () => {
  let port: Port;
  let outcomes: readonly unknown[];
  beforeAll(async () => {
    const loopback = await Loopback.start();
    undo.push(() => loopback.close());
    await loopback.target('kubelet', (socket) => {
      socket.on('end', () => socket.end());
      socket.resume().write(Buffer.alloc(1024 * 1024));
    });
    await loopback.agent();
    outcomes = loopback.gatewayAudit;
    const well = { head: 'GET / HTTP/1.1', answer: /^HTTP\/1.1 405 / };
    port = { connect: track(() => net.connect(loopback.egress.socketPath), 'connect'), well };
  });

  const asked: Asked[] = [
    { name: 'a request', head: 'GET / HTTP/1.1' },
    { name: 'a body', head: 'POST / HTTP/1.1', body: '{}' },
    { name: 'a kubelet that speaks first', head: 'CONNECT idc-1:10250 HTTP/1.1', body: 'x'.repeat(100) },
    { name: 'a node without a tunnel', head: 'CONNECT idc-2:10250 HTTP/1.1', body: 'x' },
    { name: 'nobody', head: 'CONNECT nobody:10250 HTTP/1.1' },
    { name: 'a port that refuses', head: 'CONNECT 127.0.0.1:1 HTTP/1.1' },
    { name: 'no target', head: 'CONNECT [::::]:99999 HTTP/1.1' },
    { name: 'an upgrade', head: 'GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket' },
  ];
  test.each(names)('%s', async (way) => {
    const before = outcomes.length;
    await endure(port, asked, way);
    expect(outcomes.length).toBeGreaterThan(before);
  });

  test('one that is refused and neither reads nor closes is cut off', async () => {
    const before = openSockets();
    const refusals = outcomes.length;
    const socket = await port.connect();
    socket.pause();
    socket.write('CONNECT nobody:10250 HTTP/1.1\r\nHost: g\r\n\r\n');
    await expect.poll(() => outcomes.length).toBe(refusals + 1);
    // Its own end is left.
    await expect.poll(openSockets, { timeout: 20_000 }).toBe(before + 1);
    socket.destroy();
  });
});
