// What a hostile peer does, each thing by its name; each resolves when the gateway has had its say. Those of
// `withCertificate` belong to a node that has joined, those of `withoutOne` to anybody who reaches the port.
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { WebSocket } from 'ws';
import type { TunnelIdentity } from '../../../agent/tunnel/dial.ts';
import * as x509 from '../../../protocol/messages/x509.ts';
import { batchHeaderBytes } from '../../../protocol/telemetry/batch.ts';
import { encodeHeartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { FrameDecoder } from '../../../protocol/tunnel/decoder.ts';
import { FrameType, ResetReason } from '../../../protocol/tunnel/frame.ts';
import { framePayloadLimitBytes, subprotocol } from '../../../protocol/tunnel/limits.ts';
import { encodeFrame } from '../../property/tunnel/raw-peer.ts';
import { waiting } from './waiting.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

type Identities = ReadonlyMap<string, TunnelIdentity>;

export const manyReports = 3000;
/** What `names-another-node` says of itself: it must show under no other name. */
export const hostileLoad = 666;

/** None of the good ones comes from here. */
const from = '127.0.0.66';
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
let instances = 0;
function hello(version = 1, more: Readonly<Record<string, string>> = {}): Buffer {
  instances += 1;
  const instance = instances.toString(16).padStart(32, '0');
  const said = { version, instance, epoch: 1, session: '', received: 0, ...more };
  return encodeFrame(FrameType.hello, 0, 0, json(said));
}
const open = (id: number) => encodeFrame(FrameType.open, id, 0, json({ target: 'api-server', reason: '' }));

const unknownType = encodeFrame(FrameType.ping);
unknownType[4] = 200;
const oversize = encodeFrame(FrameType.control, 0, 0, json({}));
oversize.writeUInt32LE(framePayloadLimitBytes + 1, 0);
const tooLong = Buffer.alloc(4 * framePayloadLimitBytes);

async function connect(
  { host, port }: Target,
  identity: TunnelIdentity,
  headers: Readonly<Record<string, string>> = {},
): Promise<WebSocket> {
  const websocket = new WebSocket(`wss://${host}:${port}/v1/tunnel`, subprotocol, {
    ca: identity.caPem,
    cert: identity.certificatePem,
    key: identity.keyPem,
    localAddress: from,
    perMessageDeflate: false,
    headers,
  });
  await waiting('the answer to the upgrade', once(websocket, 'open'));
  websocket.on('error', () => {});
  return websocket;
}

async function closeCode(websocket: WebSocket): Promise<number> {
  const [code] = (await waiting('the close frame', once(websocket, 'close'))) as [number];
  return code;
}

/** The code with which the gateway closes, after these messages. */
const says =
  (...messages: readonly (() => Buffer | string)[]) =>
  async (target: Target, identity: TunnelIdentity): Promise<number> => {
    const websocket = await connect(target, identity);
    const closed = closeCode(websocket);
    for (const message of messages) websocket.send(message());
    return closed;
  };

interface Seen {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function onFrame(websocket: WebSocket, seen: (frame: Seen) => void): void {
  const decoder = new FrameDecoder((type, stream, _aux, payload) =>
    seen({ type, stream, payload: Buffer.from(payload) }),
  );
  websocket.on('message', (data) => decoder.message([data as Buffer]));
}

/** The next frame of this type; undefined when the connection ends without one. */
function frame(websocket: WebSocket, type: FrameType): Promise<Seen | undefined> {
  const found = new Promise<Seen | undefined>((resolve) => {
    websocket.once('close', () => resolve(undefined));
    onFrame(websocket, (seen) => {
      if (seen.type === type) resolve(seen);
    });
  });
  return waiting(`a frame of type ${type}`, found);
}

/** Bytes that are no frame of a websocket at all, below it. */
async function garbageBelow(target: Target, identity: TunnelIdentity): Promise<number> {
  const websocket = new WebSocket(`wss://${target.host}:${target.port}/v1/tunnel`, subprotocol, {
    ca: identity.caPem,
    cert: identity.certificatePem,
    key: identity.keyPem,
    localAddress: from,
  });
  websocket.on('error', () => {});
  const [{ socket }] = (await waiting('the upgrade', once(websocket, 'upgrade'))) as [{ socket: Socket }];
  if (websocket.readyState !== WebSocket.OPEN) await waiting('the websocket', once(websocket, 'open'));
  const closed = closeCode(websocket);
  websocket.send(hello());
  await frame(websocket, FrameType.hello);
  socket.write(Buffer.alloc(4096, 0xff));
  return closed;
}

/**
 * Batches and a heartbeat that are none: each is refused, and the session goes on. Then
 * a packed batch that is none.
 */
async function malformedTelemetry(target: Target, identity: TunnelIdentity): Promise<number> {
  const websocket = await connect(target, identity);
  const closed = closeCode(websocket);
  const greeted = frame(websocket, FrameType.hello);
  websocket.send(hello());
  await greeted;
  const batch = Buffer.alloc(200, 7);
  batch.writeUInt32LE(batch.length - batchHeaderBytes, 20);
  for (const payload of [Buffer.alloc(3), Buffer.alloc(200, 7), batch, Buffer.alloc(61 * 1024, 7)]) {
    websocket.send(encodeFrame(FrameType.telemetry, 0, 0, payload));
  }
  websocket.send(encodeFrame(FrameType.heartbeat, 0, 0, Buffer.alloc(96, 0xff)));
  const answered = frame(websocket, FrameType.pong);
  websocket.send(encodeFrame(FrameType.ping, 0, 1));
  if (!(await answered)) return closed;
  websocket.send(encodeFrame(FrameType.packedTelemetry, 0, 0, Buffer.alloc(500, 0xff)));
  return closed;
}

/** Says wherever it can that it is good-1, and sends a heartbeat; resolves when the gateway has read it. */
async function namesAnotherNode(target: Target, identity: TunnelIdentity): Promise<boolean> {
  const name = 'good-1';
  const headers = { Host: name, 'X-Node-Name': name, 'X-Remote-User': `system:node:${name}`, From: name };
  const websocket = await connect(target, identity, headers);
  const greeted = frame(websocket, FrameType.hello);
  websocket.send(hello(1, { node: name, name, nodeName: name }));
  await greeted;
  const heartbeat = encodeHeartbeat({
    sentAtMs: Date.now(),
    uptimeSeconds: 1,
    load1: hostileLoad,
    cpuUsedRatio: 0,
    memoryTotalBytes: 1,
    memoryAvailableBytes: 1,
    diskFreeBytes: 1,
    kubeletHealthy: false,
    containerdHealthy: false,
    ring: { produced: 0, acknowledged: 0, pending: 0, lost: 0 },
  });
  websocket.send(encodeFrame(FrameType.heartbeat, 0, 0, heartbeat));
  const answered = frame(websocket, FrameType.pong);
  websocket.send(encodeFrame(FrameType.ping, 0, 1));
  const isRead = (await answered) !== undefined;
  websocket.terminate();
  return isRead;
}

/** To a terminal, and to the eyes of who reads it. */
const commands = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\nnode good-1 is gone';

/** Each report differs from the one before it, and each would be a write to the API server. */
async function reportsWithoutEnd(target: Target, identity: TunnelIdentity): Promise<boolean> {
  const websocket = await connect(target, identity);
  const greeted = frame(websocket, FrameType.hello);
  websocket.send(hello());
  await greeted;
  for (let count = 1; count <= manyReports; count += 1) {
    const report = {
      kind: 'report',
      phase: 'Running',
      revision: '',
      versions: {},
      detail: `report ${count}${commands}`,
    };
    websocket.send(encodeFrame(FrameType.control, 0, 0, json(report)));
  }
  const answered = frame(websocket, FrameType.pong);
  websocket.send(encodeFrame(FrameType.ping, 0, 1));
  const isRead = (await answered) !== undefined;
  websocket.terminate();
  return isRead;
}

/** Has seen the HELLO that another node got, and asks for that session. */
async function sessionOfAnother(target: Target, identity: TunnelIdentity, all: Identities): Promise<number> {
  const [, another] = [...all].find(([, other]) => other !== identity) ?? [];
  if (!another) throw new Error('there is no other node');
  const victim = await connect(target, another);
  const greeted = frame(victim, FrameType.hello);
  victim.send(hello());
  const { session } = JSON.parse(String((await greeted)?.payload)) as { session: string };
  const websocket = await connect(target, identity);
  const closed = closeCode(websocket);
  websocket.send(hello(1, { session }));
  const code = await closed;
  victim.terminate();
  return code;
}

/**
 * Waits for a stream that the gateway opens, takes it, and sends far more than it was
 * granted; true when it was reset.
 */
async function credit(target: Target, identity: TunnelIdentity): Promise<boolean> {
  const websocket = await connect(target, identity);
  const reset = new Promise<boolean>((resolve) => {
    websocket.once('close', () => resolve(false));
    onFrame(websocket, ({ type, stream }) => {
      if (type === FrameType.rst) resolve(true);
      if (type !== FrameType.open) return;
      websocket.send(encodeFrame(FrameType.openOk, stream, 1000));
      const bytes = encodeFrame(FrameType.data, stream, 0, Buffer.alloc(framePayloadLimitBytes));
      // Who asked for the stream reads nothing: what the system does not buffer stays unread.
      for (let count = 0; count < 256; count += 1) websocket.send(bytes);
    });
  });
  websocket.send(hello());
  const outcome = await waiting('RST of the stream that had too much', reset);
  websocket.terminate();
  return outcome;
}

const opened = 20_000;
/**
 * More of them and the gateway, which must keep each answer until it is read, would
 * end the session as `unread`.
 */
const unansweredAtOnce = 500;

/** Opens streams that are all refused, reads each refusal and goes on; how many there were. */
async function openWithoutEnd(target: Target, identity: TunnelIdentity): Promise<number> {
  const websocket = await connect(target, identity);
  let refused = 0;
  let id = 0;
  const openNext = () => {
    if (id === 2 * opened) return;
    id += 2;
    websocket.send(open(id));
  };
  const all = new Promise<void>((resolve) => {
    websocket.once('close', () => resolve());
    onFrame(websocket, ({ type }) => {
      if (type === FrameType.hello) for (let count = 0; count < unansweredAtOnce; count += 1) openNext();
      if (type !== FrameType.openErr) return;
      refused += 1;
      if (refused === opened) resolve();
      openNext();
    });
  });
  websocket.send(hello());
  await waiting(`${opened} refusals of streams`, all);
  websocket.terminate();
  return refused;
}

const allowedAtOnce = 32;

/**
 * Opens streams to the API server that it may have, a few at a time, and resets each, until
 * the gateway has had enough.
 */
async function apiServerWithoutEnd(target: Target, identity: TunnelIdentity): Promise<string> {
  const websocket = await connect(target, identity);
  let id = 0;
  const openNext = () => {
    id += 2;
    websocket.send(open(id));
  };
  const refused = new Promise<string>((resolve) => {
    websocket.once('close', () => resolve('closed'));
    onFrame(websocket, ({ type, stream, payload }) => {
      if (type === FrameType.hello) for (let count = 0; count < allowedAtOnce; count += 1) openNext();
      if (type === FrameType.openErr) resolve(String(payload));
      if (type !== FrameType.openOk) return;
      websocket.send(encodeFrame(FrameType.rst, stream, ResetReason.cancelled));
      openNext();
    });
  });
  websocket.send(hello());
  const answer = await waiting('a refusal of a stream to the API server', refused);
  websocket.terminate();
  return answer;
}

/** The same as `openWithoutEnd`, and reads nothing; resolves when the gateway has ended it. */
async function openWithoutReading(target: Target, identity: TunnelIdentity): Promise<void> {
  const websocket = await connect(target, identity);
  websocket.send(hello());
  await waiting('HELLO', once(websocket, 'message'));
  websocket.pause();
  const ended = () => websocket.readyState !== WebSocket.OPEN;
  for (let id = 2; id < 2_000_000 && !ended(); id += 2) {
    websocket.send(open(id));
    // The gateway's end shows in the answer to what is sent; no more than a few MB wait here.
    while (websocket.bufferedAmount > 4_000_000 && !ended()) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (id % 2000 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  websocket.terminate();
}

/** Connects until so many were refused; what the refusals said. */
async function connectTooOften(target: Target, identity: TunnelIdentity): Promise<string> {
  let refused = 0;
  let said = '';
  for (let count = 0; count < 400 && refused < 20; count += 1) {
    await connect(target, identity).then(
      (websocket) => websocket.terminate(),
      (error: Error) => {
        refused += 1;
        said = error.message;
      },
    );
  }
  return said;
}

export const withCertificate = {
  oversize: says(hello, () => oversize),
  'unknown-type': says(hello, () => unknownType),
  'stream-that-never-was': says(hello, () => encodeFrame(FrameType.data, 77, 0, json('x'))),
  'number-of-the-other-side': says(hello, () => open(3)),
  'number-used-twice': says(
    hello,
    () => open(2),
    () => open(2),
  ),
  'acknowledges-what-was-not-sent': says(hello, () => encodeFrame(FrameType.ack, 0, 12_345)),
  'message-too-long': says(hello, () => tooLong),
  'garbage-after-hello': says(hello, () => Buffer.alloc(5000, 0xa5)),
  'garbage-below-the-websocket': garbageBelow,
  'malformed-telemetry': malformedTelemetry,
  'names-another-node': namesAnotherNode,
  'session-of-another-node': sessionOfAnother,
  'another-version': says(() => hello(99)),
  'no-hello-first': says(() => open(2)),
  'text-first': says(() => 'hello'),
  'never-says-hello': says(),
  credit,
  'opens-without-end': openWithoutEnd,
  'opens-without-reading': openWithoutReading,
  'api-server-without-end': apiServerWithoutEnd,
  'reports-without-end': reportsWithoutEnd,
  'connects-too-often': connectTooOften,
} as const satisfies Record<
  string,
  (target: Target, me: TunnelIdentity, all: Identities) => Promise<unknown>
>;

/** What the gateway answers until it ends the connection. */
async function untilCut(socket: Socket): Promise<string> {
  let answer = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    answer = (answer + chunk).slice(0, 2000);
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  if (!socket.closed) await waiting('the end of a connection', closed);
  return answer;
}

async function tcp(target: Target, localAddress = from): Promise<Socket> {
  const socket = net.connect({ ...target, localAddress });
  await waiting('a TCP connection', once(socket, 'connect'));
  return socket;
}

async function secure(target: Target, identity?: { cert: string; key: string }): Promise<tls.TLSSocket> {
  const socket = tls.connect({ ...identity, socket: await tcp(target), rejectUnauthorized: false });
  await waiting('the TLS handshake', once(socket, 'secureConnect'));
  return socket;
}

/** A thousand at a time from ten addresses: the beginning of a handshake, and then nothing. */
async function stalledHandshakes(target: Target): Promise<string> {
  const sockets = await Promise.all(
    Array.from({ length: 1000 }, (_, index) => tcp(target, `127.0.1.${1 + (index % 10)}`)),
  );
  for (const socket of sockets) socket.write(Buffer.from([22, 3, 1, 2, 0]));
  return (await Promise.all(sockets.map(untilCut))).join('');
}

/** A header that never ends, a byte at a time. */
async function slowHeaders(target: Target): Promise<string> {
  const socket = await secure(target);
  socket.write('GET /healthz HTTP/1.1\r\nX-Slow: ');
  const dripping = setInterval(() => socket.write('x'), 500);
  return untilCut(socket).finally(() => clearInterval(dripping));
}

async function sends(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  return untilCut(socket);
}

const upgrade =
  'GET /v1/tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Protocol: ${subprotocol}\r\n\r\n`;

/** A good name, signed by nobody whom the gateway knows. */
async function stranger(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const name = 'CN=good-1';
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: algorithm,
  });
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: certificate.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}

const connects = 10_000;
const atATime = 200;

/**
 * Ten thousand connections from one address, held as long as the gateway lets them; how many it cut at once.
 */
async function connectsWithoutEnd(target: Target): Promise<number> {
  const sockets: Socket[] = [];
  let cut = 0;
  for (let begun = 0; begun < connects; begun += atATime) {
    await Promise.all(
      Array.from({ length: atATime }, async () => {
        const socket = net.connect({ ...target, localAddress: from });
        socket.on('error', () => {}).resume();
        sockets.push(socket);
        const closed = once(socket, 'close').then(() => {
          cut += 1;
        });
        await Promise.race([closed, new Promise((resolve) => socket.once('connect', resolve))]);
      }),
    );
  }
  const held = () => sockets.filter((socket) => !socket.closed).length;
  // What is left is within the limit of one address; those that were cut are told so in a moment.
  const within = async () => {
    while (held() > 256) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await waiting('no more than 256 connections', within());
  const refused = cut;
  for (const socket of sockets) socket.destroy();
  return refused;
}

export const withoutOne = {
  'stalled-handshakes': stalledHandshakes,
  'slow-headers': slowHeaders,
  'silent-after-the-handshake': async (target: Target) => untilCut(await secure(target)),
  'no-tls': async (target: Target) => sends(await tcp(target), 'GET / HTTP/1.1\r\n\r\n'),
  'large-headers': async (target: Target) =>
    sends(await secure(target), `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
  'no-http': async (target: Target) => sends(await secure(target), '\0\0\0 nonsense\r\n\r\n'),
  'tunnel-without-certificate': async (target: Target) => sends(await secure(target), upgrade),
  'tunnel-with-a-strangers-certificate': async (target: Target) =>
    sends(await secure(target, await stranger()), upgrade),
  'connects-without-end': connectsWithoutEnd,
} as const satisfies Record<string, (target: Target) => Promise<unknown>>;

export type Attack = keyof typeof withCertificate | keyof typeof withoutOne;
