// One hostile agent with a good certificate among twenty good ones, over real TLS: each thing that it does is
// refused and counted, and the twenty notice nothing.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Tunnel } from '../../../agent/tunnel/tunnel.ts';
import { FrameType } from '../../../protocol/tunnel/frame.ts';
import { framePayloadLimitBytes, subprotocol } from '../../../protocol/tunnel/limits.ts';
import { ReadingPace } from '../../../protocol/tunnel/reading-pace.ts';
import { encodeFrame } from '../../property/tunnel/raw-peer.ts';
import { provoked } from '../../setup/no-defects.ts';
import { Loopback, readAll, until } from './loopback.ts';

const goodOnes = 20;
const helloTimeoutMs = 500;

let loopback: Loopback;
let good: Tunnel[];
let identity: { certificatePem: string; keyPem: string };

beforeAll(async () => {
  loopback = await Loopback.start({ helloTimeoutMs });
  await loopback.target('kubelet', (socket: Socket) => socket.pipe(socket));
  const names = Array.from({ length: goodOnes }, (_, index) => `idc-${index + 1}`);
  good = await Promise.all(names.map((name) => loopback.agent(name)));
  identity = await loopback.authority.issue('idc-66');
}, 30_000);
afterAll(() => loopback.close());

async function connect(as = identity): Promise<WebSocket> {
  const socket = new WebSocket(`${loopback.gateway.url.replace('https', 'wss')}/v1/tunnel`, subprotocol, {
    ca: loopback.authority.caPem,
    cert: as.certificatePem,
    key: as.keyPem,
    perMessageDeflate: false,
  });
  socket.on('error', () => {});
  loopback.defer(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
let instances = 0;
function hello(version = 1): Buffer {
  instances += 1;
  const instance = instances.toString(16).padStart(32, '0');
  return encodeFrame(FrameType.hello, 0, 0, json({ version, instance, epoch: 1, session: '', received: 0 }));
}
const open = (id: number) => encodeFrame(FrameType.open, id, 0, json({ target: 'api-server', reason: '' }));

async function expectGoodOnesUnharmed(): Promise<void> {
  const answers = await Promise.all(
    good.map(async (_tunnel, index) => {
      const { socket } = await loopback.connect(`idc-${index + 1}:10250`);
      socket.end(`echo ${index}`);
      return (await readAll(socket)).toString();
    }),
  );
  expect(answers).toEqual(good.map((_tunnel, index) => `echo ${index}`));
  expect(good.map(({ state }) => state)).toEqual(good.map(() => 'Open'));
  expect(good.map(({ status }) => [status.attempts, status.resumptions])).toEqual(good.map(() => [1, 0]));
}

const unknownType = encodeFrame(FrameType.ping);
unknownType[4] = 200;
const oversize = encodeFrame(FrameType.control, 0, 0, json({}));
oversize.writeUInt32LE(framePayloadLimitBytes + 1, 0);

const nested = `${'['.repeat(12_000)}${']'.repeat(12_000)}`;
const deepReport = Buffer.from(
  `{"kind":"report","phase":"Running","revision":"","versions":{},"detail":"","x":${nested}}`,
);

test.each([
  ['a frame that says it is too large', [hello(), oversize], 'violations', 'frame-size'],
  ['an unknown type', [hello(), unknownType], 'violations', 'frame-type'],
  [
    'a stream that never was',
    [hello(), encodeFrame(FrameType.data, 77, 0, json('x'))],
    'violations',
    'stream-number',
  ],
  ['a stream number of the other side', [hello(), open(3)], 'violations', 'stream-number'],
  ['a number used twice', [hello(), open(2), open(2)], 'violations', 'stream-number'],
  [
    'a report that is twelve thousand arrays deep',
    [hello(), encodeFrame(FrameType.control, 0, 0, deepReport)],
    'violations',
    'payload',
  ],
  ['another version', [hello(99)], 'handshakesFailed', 'version'],
  ['anything but HELLO first', [open(2)], 'handshakesFailed', 'frame-order'],
  ['a message beyond any limit', [Buffer.alloc(4 * framePayloadLimitBytes)], 'handshakesFailed', 'message'],
  ['text', ['hello'], 'handshakesFailed', 'message'],
  [
    'a message beyond any limit, later',
    [hello(), Buffer.alloc(4 * framePayloadLimitBytes)],
    'violations',
    'message',
  ],
  ['no HELLO at all', [], 'handshakesFailed', 'no-hello'],
] as const)(
  '%s',
  async (_name, messages, refusal, kind) => {
    const { kinds } = loopback.gateway.hub.counters;
    const counted = () => kinds[refusal].get(kind) ?? 0;
    const before = counted();
    const socket = await connect();
    const closed = once(socket, 'close');
    for (const message of messages) socket.send(message);
    await closed;
    await until(() => counted() === before + 1, 20_000);
    await expectGoodOnesUnharmed();
  },
  20_000,
);

test('what a listener throws ends that session and is a defect here, whatever is sent', async () => {
  const { kinds } = loopback.gateway.hub.counters;
  const cursed = new RangeError('of the listener');
  loopback.gateway.hub.onHeartbeat((node) => {
    if (node === 'idc-66') throw cursed;
  });
  const socket = await connect();
  const closed = once(socket, 'close');
  socket.send(hello());
  socket.send(encodeFrame(FrameType.heartbeat, 0, 0, json('x')));
  await closed;
  expect(provoked()).toEqual([{ where: 'tunnel frame', error: cursed }]);
  expect(kinds.violations.get('defect')).toBe(1);
  await expectGoodOnesUnharmed();
}, 20_000);

test('more than its credit: that stream is reset, and counted', async () => {
  const before = loopback.gateway.hub.counters.violations;
  const hostile = await connect();
  hostile.send(hello());
  await until(() => loopback.gateway.hub.session('idc-66')?.state === 'Open');
  const asked = loopback.connect('idc-66:10250');
  await until(() => loopback.gateway.hub.session('idc-66')?.figures.streams === 1);
  // The first stream that the gateway opens has the number 1.
  hostile.send(encodeFrame(FrameType.openOk, 1, 1000));
  const { socket } = await asked;
  socket.pause();
  for (let count = 0; count < 12; count += 1) {
    hostile.send(encodeFrame(FrameType.data, 1, 0, Buffer.alloc(framePayloadLimitBytes)));
  }
  await until(() => loopback.gateway.hub.counters.violations > before);
  expect(loopback.gateway.hub.session('idc-66')?.figures.streams).toBe(0);
  await expectGoodOnesUnharmed();
}, 20_000);

test('streams without end: refused one by one, and the session ends when it takes no answer', async () => {
  const before = loopback.gateway.hub.counters.violations;
  const socket = await connect();
  socket.send(hello());
  await once(socket, 'message');
  socket.pause();
  for (let id = 2; id < 200_000 && socket.readyState === WebSocket.OPEN; id += 2) {
    socket.send(open(id));
    if (id % 2000 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await until(() => loopback.gateway.hub.counters.violations > before, 60_000);
  await expectGoodOnesUnharmed();
}, 120_000);

test('two hundred connections that come and go', async () => {
  for (let round = 0; round < 20; round += 1) {
    const sockets = await Promise.all(Array.from({ length: 10 }, () => connect()));
    for (const socket of sockets) socket.terminate();
  }
  await expectGoodOnesUnharmed();
}, 40_000);

test('the websocket’s own PONGs, and messages of nothing: each is charged', async () => {
  const charged = vi.spyOn(ReadingPace.prototype, 'message');
  const socket = await connect(await loopback.authority.issue('idc-68'));
  socket.resume();
  socket.send(hello());
  for (let count = 0; count < 1000; count += 1) {
    socket.pong();
    socket.send(Buffer.alloc(0));
  }
  await until(() => charged.mock.calls.length >= 2001);
  charged.mockRestore();
  expect(loopback.gateway.hub.session('idc-68')?.state).toBe('Open');
  await expectGoodOnesUnharmed();
});

test('messages without end that nobody knows: the others are served before them', async () => {
  const { hub } = loopback.gateway;
  const served: string[] = [];
  hub.onHeartbeat((node, payload) => {
    if (node === 'idc-1') served.push(Buffer.from(payload).toString());
  });
  const unknown = encodeFrame(FrameType.control, 0, 0, json({ kind: 'x' }));
  const [messages, inMessage, costMicroseconds] = [300, 2000, 11.1];
  const socket = await connect(await loopback.authority.issue('idc-67'));
  socket.resume();
  const before = hub.counters.unknownMessages;
  const startedMs = performance.now();
  socket.send(hello());
  const many = Buffer.concat(Array.from({ length: inMessage }, () => unknown));
  for (let count = 0; count < messages; count += 1) socket.send(many);
  for (let count = 0; count < 100; count += 1) {
    const beat = `beat ${count}`;
    good[0]?.telemetry.setHeartbeat(Buffer.from(beat));
    await until(() => served.at(-1) === beat, 20_000);
  }
  await until(() => hub.counters.unknownMessages > before, 20_000);
  const taken = hub.counters.unknownMessages - before;
  const elapsedMs = performance.now() - startedMs;
  // What may be spent at once, as debt, and since; and a chunk or two that had been read when the rest began.
  const allowed = (600_000 + elapsedMs * 200) / costMicroseconds + 3 * inMessage;
  expect(taken).toBeLessThan(allowed);
  expect(hub.session('idc-67')?.state).toBe('Open');
  await expectGoodOnesUnharmed();
}, 60_000);
