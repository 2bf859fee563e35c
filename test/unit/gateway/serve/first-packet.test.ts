// An agent may be faster than the gateway's look at its certificate: what comes in the packet of the upgrade,
// or while nobody reads yet, is HELLO and more. Over real TLS, wherever the bytes are cut, each frame
// arrives, once and in order.
import { once } from 'node:events';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NodeIdentity } from '../../../../gateway/join/client-certificate.ts';
import { TunnelHub } from '../../../../gateway/tunnel/hub.ts';
import { PemConverter } from '../../../../protocol/messages/x509.ts';
import { FrameType } from '../../../../protocol/tunnel/frame.ts';
import { subprotocol } from '../../../../protocol/tunnel/limits.ts';
import { encodeFrame } from '../../../property/tunnel/raw-peer.ts';
import { until } from '../../tunnel/loopback.ts';
import { logger, openTestPort, type TestPort } from '../port.ts';

const upgrade = Buffer.from(
  'GET /v1/tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`,
);

/** One whole binary message of a client, masked with zeros. */
function message(payload: Uint8Array): Buffer {
  const length =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0xfe, payload.length >> 8, payload.length & 255]);
  return Buffer.concat([Buffer.from([0x82]), length, Buffer.alloc(4), payload]);
}

const helloText = JSON.stringify({
  version: 1,
  instance: 'e'.repeat(32),
  epoch: 1,
  session: '',
  received: 0,
});
const hello = message(encodeFrame(FrameType.hello, 0, 0, Buffer.from(helloText)));
const heartbeats = Array.from({ length: 3 }, (_, index) => Buffer.alloc(96, index + 1));
const batch = Buffer.from(Array.from({ length: 40_000 }, (_, index) => (index * 7) & 255));
const said = [
  hello,
  message(encodeFrame(FrameType.heartbeat, 0, 0, heartbeats[0])),
  message(encodeFrame(FrameType.telemetry, 0, 0, batch)),
  // Two frames in one message.
  message(
    Buffer.concat([
      encodeFrame(FrameType.heartbeat, 0, 0, heartbeats[1]),
      encodeFrame(FrameType.heartbeat, 0, 0, heartbeats[2]),
    ]),
  ),
];
const all = Buffer.concat(said);
const lengths = said.map((bytes) => bytes.length);
const afterHello = lengths[0] ?? 0;
const afterHeartbeat = afterHello + (lengths[1] ?? 0);

let hub: TunnelHub;
let gateway: TestPort;
let heard: { heartbeats: Buffer[]; batches: Buffer[] };
/** The gateway's look at the certificate lasts until this is resolved. */
let known: PromiseWithResolvers<NodeIdentity>;
let asked: PromiseWithResolvers<void>;

beforeEach(async () => {
  hub = new TunnelHub({ logger });
  heard = { heartbeats: [], batches: [] };
  known = Promise.withResolvers();
  asked = Promise.withResolvers();
  hub.onHeartbeat((_node, payload) => heard.heartbeats.push(Buffer.from(payload)));
  hub.onTelemetry((_node, payload) => heard.batches.push(Buffer.from(payload)));
  gateway = await openTestPort(() => [], {
    identify: () => {
      asked.resolve();
      return known.promise;
    },
    onTunnel: (request, socket, head, node) => hub.handleUpgrade(request, socket, head, node),
  });
});
afterEach(async () => {
  hub.shutdown();
  await gateway.port.close(0);
});

async function connect(): Promise<tls.TLSSocket> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  const { authority, port } = gateway;
  const { certificatePem } = await authority.issueNode({
    name: 'idc-1',
    pool: 'idc',
    publicKey: keys.publicKey,
  });
  const key = PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  const options = {
    host: '127.0.0.1',
    port: port.address.port,
    ca: authority.caPem,
    cert: certificatePem,
    key,
  };
  const socket = tls.connect(options);
  await once(socket, 'secureConnect');
  return socket.setNoDelay().on('error', () => {});
}

async function expectAll(socket: tls.TLSSocket): Promise<void> {
  await until(() => heard.heartbeats.length === heartbeats.length, 20_000);
  expect(heard.heartbeats).toEqual(heartbeats);
  expect(heard.batches).toEqual([batch]);
  expect(hub.figures).toMatchObject({ connected: 1, sessionsBegun: 1, handshakesFailed: 0, violations: 0 });
  socket.destroy();
}

const identity: NodeIdentity = { name: 'idc-1', pool: 'idc' };

describe('in the packet of the upgrade', () => {
  test.each([
    ['nothing', 0],
    ['a byte', 1],
    ['half of HELLO', afterHello >> 1],
    ['all of HELLO but a byte', afterHello - 1],
    ['HELLO', afterHello],
    ['HELLO and the beginning of the next frame', afterHello + 3],
    ['HELLO and a frame', afterHeartbeat],
    ['HELLO and a frame and a half', afterHeartbeat + (batch.length >> 1)],
    ['everything', all.length],
  ])('%s, the rest when the gateway has answered', async (_what, bytes) => {
    known.resolve(identity);
    const socket = await connect();
    const answered = once(socket, 'data');
    socket.write(Buffer.concat([upgrade, all.subarray(0, bytes)]));
    expect(String((await answered)[0])).toContain('101 Switching Protocols');
    socket.write(all.subarray(bytes));
    await expectAll(socket);
  });
});

describe('while the certificate is still looked at', () => {
  test.each([7, 97, 1000, 20_000])('pieces of %i bytes, all there before anybody reads', async (size) => {
    const socket = await connect();
    socket.write(Buffer.concat([upgrade, all.subarray(0, 5)]));
    await asked.promise;
    let written = Promise.resolve();
    for (let from = 5; from < all.length; from += size) {
      written = new Promise((resolve) => socket.write(all.subarray(from, from + size), () => resolve()));
    }
    await written;
    known.resolve(identity);
    await expectAll(socket);
  });

  test('a peer that goes away meanwhile has no tunnel', async () => {
    const socket = await connect();
    socket.write(Buffer.concat([upgrade, hello]));
    await asked.promise;
    socket.destroy();
    await once(socket, 'close');
    known.resolve(identity);
    await known.promise;
    await new Promise((resolve) => setImmediate(resolve));
    await until(() => hub.figures.connected === 0, 20_000);
    expect(heard.heartbeats).toEqual([]);
  });
});
