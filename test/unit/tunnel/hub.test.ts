// Who gets a tunnel: the certificate decides, a newer connection wins, an older one is refused, and a hostile
// agent is its own problem.
import net, { type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { RefusalRecord } from '../../../gateway/tunnel/counters.ts';
import { FrameType } from '../../../protocol/tunnel/frame.ts';
import { subprotocol } from '../../../protocol/tunnel/limits.ts';
import { encodeFrame } from '../../property/tunnel/raw-peer.ts';
import { createAuthority, Loopback, readAll, until } from './loopback.ts';

let loopback: Loopback;

beforeEach(async () => {
  loopback = await Loopback.start({ helloTimeoutMs: 300, streams: 50 });
});
afterEach(() => loopback.close());

const figures = () => loopback.gateway.hub.figures;

/** A websocket with a good certificate and no manners. */
async function websocket(name: string, protocol: string | undefined = subprotocol): Promise<WebSocket> {
  const { certificatePem, keyPem } = await loopback.authority.issue(name);
  const url = `${loopback.gateway.url.replace('https', 'wss')}/v1/tunnel`;
  const found = new WebSocket(url, protocol ? [protocol] : [], {
    ca: loopback.authority.caPem,
    cert: certificatePem,
    key: keyPem,
  });
  loopback.defer(() => found.terminate());
  await new Promise((resolve, reject) => {
    found.once('open', resolve);
    found.once('error', reject);
  });
  found.on('error', () => {});
  return found;
}

function closed(found: WebSocket): Promise<number> {
  return new Promise((resolve) => found.once('close', resolve));
}

const hello = (epoch: number, instance = 'c'.repeat(32), session = '') =>
  encodeFrame(1, 0, 0, Buffer.from(JSON.stringify({ version: 1, instance, epoch, session, received: 0 })));

test('a message of a later release is counted, and its tunnel goes on', async () => {
  const found = await websocket('idc-1');
  found.send(hello(1));
  await until(() => figures().connected === 1);
  found.send(encodeFrame(FrameType.control, 0, 0, Buffer.from('{"kind":"teleport"}')));
  await until(() => figures().unknownMessages === 1);
  expect(figures()).toMatchObject({ violations: 0, connected: 1 });
});

describe('a connection is refused', () => {
  test('without our subprotocol', async () => {
    await expect(websocket('idc-1', '')).rejects.toThrow('400');
    expect(figures().upgradesRefused).toBe(1);
  });

  test('when the gateway drains', async () => {
    await loopback.gateway.hub.drain(0);
    await expect(websocket('idc-1')).rejects.toThrow('503');
  });

  test('with an epoch that is not newer than the one that is known', async () => {
    const first = await websocket('idc-1');
    first.send(hello(7));
    await until(() => figures().connected === 1);
    const late = await websocket('idc-1');
    late.send(hello(7));
    expect(await closed(late)).toBe(4007);
    expect(figures()).toMatchObject({ staleConnections: 1, connected: 1, sessionsBegun: 1 });
  });

  test('that never says HELLO', async () => {
    expect(await closed(await websocket('idc-1'))).toBe(4004);
    expect(figures()).toMatchObject({ handshakesFailed: 1, sessions: 0 });
  });

  test('that speaks text', async () => {
    const found = await websocket('idc-1');
    found.send('hello');
    expect(await closed(found)).toBe(1003);
  });

  test('whose message is too long', async () => {
    const found = await websocket('idc-1');
    found.send(Buffer.alloc(65_536 + 17));
    expect(await closed(found)).toBe(1009);
  });

  test('whose message is in too many pieces', async () => {
    const found = await websocket('idc-1');
    for (let count = 0; count < 300; count += 1) found.send(Buffer.alloc(1), { fin: false });
    expect(await closed(found)).toBe(1008);
  });
});

test('nobody can go on with the session of another process', async () => {
  const first = await websocket('idc-1');
  first.send(hello(1));
  await until(() => figures().connected === 1);
  const id = loopback.gateway.hub.session('idc-1')?.id;
  const thief = await websocket('idc-1');
  thief.send(hello(9, 'd'.repeat(32), id));
  await until(() => figures().takeovers === 1);
  expect(figures()).toMatchObject({ resumptions: 0, sessionsBegun: 2 });
  expect(loopback.gateway.hub.session('idc-1')?.id).not.toBe(id);
});

test('a HELLO that comes after its certificate was struck begins no session, and ends none', async () => {
  let isGood = true;
  let uses = 0;
  const inUse = () => {
    uses += 1;
  };
  loopback.gateway.certificates.set('idc-1', { isGood: () => isGood, inUse });
  const held = await websocket('idc-1');
  expect(uses).toBe(0);
  isGood = false;
  loopback.gateway.certificates.set('idc-1', { isGood: () => true, inUse });
  const next = await websocket('idc-1');
  next.send(hello(1, 'd'.repeat(32)));
  await until(() => figures().connected === 1);
  held.send(hello(2));
  await closed(held);
  expect(figures()).toMatchObject({ connected: 1, sessionsBegun: 1, takeovers: 0, handshakesFailed: 1 });
  expect(uses).toBe(1);
});

test("whoever asks for another node's session is refused, by name, and gets none", async () => {
  const refusals: RefusalRecord[] = [];
  await loopback.close();
  loopback = await Loopback.start({}, {}, { onRefusal: (record) => refusals.push(record) });
  await loopback.agent('idc-1');
  const held = loopback.gateway.hub.session('idc-1');
  const other = await websocket('idc-2');
  other.send(hello(9, 'd'.repeat(32), held?.id));
  expect(await closed(other)).toBe(4007);
  await until(() => refusals.length === 1);
  expect(refusals).toMatchObject([{ node: 'idc-2', refusal: 'handshakesFailed', kind: 'another-node' }]);
  expect(refusals[0]?.detail).toContain('idc-1');
  expect(loopback.gateway.hub.session('idc-1')).toBe(held);
  expect(figures()).toMatchObject({ sessions: 1, connected: 1, takeovers: 0, resumptions: 0 });
});

test('a session that has ended is nobody’s any more', async () => {
  await loopback.agent('idc-1');
  const id = loopback.gateway.hub.session('idc-1')?.id;
  loopback.gateway.hub.close('idc-1', 'removed');
  const other = await websocket('idc-2');
  other.send(hello(9, 'd'.repeat(32), id));
  await until(() => loopback.gateway.hub.session('idc-2')?.attached === true);
  expect(figures().handshakesFailed).toBe(0);
});

test('an agent that connects without end is slowed down', async () => {
  await loopback.close();
  loopback = await Loopback.start({}, {}, { connectionsPerMinute: 5 });
  for (let count = 0; count < 5; count += 1) (await websocket('idc-1')).terminate();
  await expect(websocket('idc-1')).rejects.toThrow('429');
  await websocket('idc-2');
});

test('one hostile agent, 20 good ones: these notice nothing', async () => {
  await loopback.target('kubelet', (socket) => socket.pipe(socket));
  const good = Array.from({ length: 20 }, (_, index) => `idc-good-${index}`);
  for (const name of good) await loopback.agent(name);
  const sockets = new Map<string, Socket>();
  for (const name of good) sockets.set(name, (await loopback.connect(`${name}:10250`)).socket);
  const attacks: ((found: WebSocket) => void)[] = [
    (found) => found.send(Buffer.alloc(16, 0xff)),
    (found) => found.send(encodeFrame(5, 99, 0, Buffer.from('x'))),
    (found) => {
      for (let id = 2; id < 5000; id += 2) {
        found.send(encodeFrame(2, id, 0, Buffer.from('{"target":"kubelet","reason":""}')));
      }
    },
    (found) => {
      for (let count = 0; count < 5000; count += 1) found.send(encodeFrame(9, 0, count));
    },
    (found) => found.send(encodeFrame(17, 0, 12_345)),
  ];
  for (const [index, attack] of attacks.entries()) {
    const hostile = await websocket('idc-bad');
    hostile.send(hello(index + 1));
    // What the attack before has spent is waited for.
    await until(() => loopback.gateway.hub.session('idc-bad')?.state === 'Open', 15_000);
    attack(hostile);
  }
  await until(() => figures().violations >= 3, 15_000);
  for (const [name, socket] of sockets) {
    socket.end(`${name} is fine`);
    expect((await readAll(socket)).toString()).toBe(`${name} is fine`);
  }
  for (const name of good) expect(loopback.gateway.hub.session(name)?.figures.resumptions).toBe(0);
}, 90_000);

test('a hundred agents that lose their gateway at once come back spread out, none twice', async () => {
  for (let count = 0; count < 100; count += 1) await loopback.agent(`idc-${count}`);
  for (const socket of loopback.gateway.sockets) socket.resetAndDestroy();
  await until(() => figures().resumptions === 100 && figures().connected === 100, 20_000);
  expect(figures()).toMatchObject({ sessions: 100, resumptions: 100, takeovers: 0, staleConnections: 0 });
}, 30_000);

test('through an HTTP proxy by CONNECT, and status says so', async () => {
  let asked = '';
  const proxy = net.createServer((near) => {
    near.once('data', (chunk) => {
      asked = chunk.toString().split('\r\n')[0] ?? '';
      const far = net.connect(loopback.gateway.port, '127.0.0.1');
      near.write('HTTP/1.1 200 OK\r\n\r\n');
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.on('error', () => {});
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  loopback.defer(() => proxy.close());
  const { port } = proxy.address() as net.AddressInfo;
  await loopback.target('kubelet', (socket) => socket.pipe(socket));
  const tunnel = await loopback.agent('idc-1', { environment: { HTTPS_PROXY: `http://127.0.0.1:${port}` } });
  const { socket } = await loopback.connect('idc-1:10250');
  socket.end('through');
  expect((await readAll(socket)).toString()).toBe('through');
  expect(asked).toBe(`CONNECT 127.0.0.1:${loopback.gateway.port} HTTP/1.1`);
  expect(tunnel.status.proxy).toBe(`127.0.0.1:${port}`);
});

test('a certificate of a stranger: refused, named in status, tried again', async () => {
  const stranger = await createAuthority();
  const tunnel = await loopback.agentWithoutWaiting('idc-1', {
    caPem: stranger.caPem,
    ...(await stranger.issue('idc-1')),
  });
  await until(() => tunnel.status.attempts >= 2);
  expect(tunnel.status.lastFault?.code).toBe('TUNNEL_CONNECT_FAILED');
  expect(tunnel.state).toBe('Connecting');
  await expect(tunnel.openStream({ target: 'x', reason: '' })).rejects.toThrow('there is no session');
});

test('an answer that is no tunnel is told with its status or its code', async () => {
  await loopback.gateway.hub.drain(0);
  const tunnel = await loopback.agentWithoutWaiting('idc-1');
  await until(() => tunnel.status.lastFault !== undefined);
  expect(tunnel.status.lastFault).toMatchObject({ code: 'TUNNEL_REFUSED', values: { status: 503 } });
  expect(tunnel.state).toBe('Connecting');
});
