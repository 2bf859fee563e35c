// Two hosts with one identity: whoever has the tunnel and answers keeps it, the other is refused with a code
// and stays away. A process that was ended, a host that was started again, and a way that swallows everything
// are no second host: the one that comes gets in.
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { AskElsewhere } from '../../../gateway/tunnel/inquiry.ts';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import type { Machine } from '../../../protocol/messages/machine.ts';
import { FrameType } from '../../../protocol/tunnel/frame.ts';
import { subprotocol } from '../../../protocol/tunnel/limits.ts';
import { Questions } from '../../../protocol/tunnel/questions.ts';
import { encodeFrame } from '../../property/tunnel/raw-peer.ts';
import { FakeClock } from '../../property/tunnel/simulation.ts';
import { Loopback, until } from './loopback.ts';

const limits = { suspectAfterMs: 2_000, helloTimeoutMs: 20_000 };
let loopback: Loopback;

beforeEach(async () => {
  loopback = await Loopback.start(limits);
});
afterEach(() => loopback.close());

const first: Machine = { hostname: 'idc-1', bootId: 'a'.repeat(8) };
const copy: Machine = { hostname: 'idc-1-copy', bootId: 'b'.repeat(8) };
const hub = () => loopback.gateway.hub;
const refusedCopy = {
  code: 'IDENTITY_IN_USE',
  refused: { address: '127.0.0.1', hostname: 'idc-1-copy', bootId: 'b'.repeat(8) },
};

test('a copy is refused as long as the first answers, both are named, and it gets in when the first has ended', async () => {
  const stop = new AbortController();
  await loopback.agent('idc-1', { machine: first, signal: stop.signal });
  const held = hub().session('idc-1');
  const changes: string[] = [];
  hub().rivals.conflicts.onChange((node) => changes.push(node));
  const second = await loopback.agentWithoutWaiting('idc-1', { machine: copy });
  await until(() => hub().counters.kinds.handshakesFailed.get('second-host') === 4, 20_000);
  expect(hub().session('idc-1')).toBe(held);
  expect(hub().figures).toMatchObject({ takeovers: 0, sessionsBegun: 1, connected: 1 });
  expect(second.status.lastFault).toMatchObject({
    code: 'IDENTITY_IN_USE',
    values: { name: 'idc-1', holder: 'idc-1 at 127.0.0.1, boot aaaaaaaa' },
  });
  expect(hub().rivals.conflicts.get('idc-1')).toEqual(refusedCopy);
  expect(changes).toEqual(['idc-1']);
  stop.abort();
  await until(() => second.state === 'Open', 20_000);
  expect(hub().host('idc-1')).toMatchObject({ hostname: 'idc-1-copy' });
  expect(hub().rivals.conflicts.get('idc-1')).toBeUndefined();
  expect(changes).toEqual(['idc-1', 'idc-1']);
  expect(second.status.lastFault).toBeUndefined();
}, 60_000);

test('a process that was killed is followed by the next one at once', async () => {
  // No agent, which would be back by itself.
  const killed = await websocket();
  killed.send(hello({ machine: first }));
  await until(() => hub().figures.connected === 1);
  loopback.gateway.sockets.at(-1)?.resetAndDestroy();
  await until(() => hub().session('idc-1')?.state === 'Resuming');
  const next = await websocket();
  next.send(hello({ machine: { ...first, bootId: 'c'.repeat(8) }, instance: 'd'.repeat(32) }));
  expect(await nextAnswer(next)).toMatchObject({ resumed: false });
  expect(hub().figures).toMatchObject({ takeovers: 1, handshakesFailed: 0 });
});

test('a host whose connection is there and silent is followed within the time of one question', async () => {
  const dead = await websocket();
  dead.send(hello({ machine: first }));
  await until(() => hub().figures.connected === 1);
  // It does not answer a PING: nobody reads there any more.
  const next = await websocket();
  next.send(hello({ machine: { ...first, bootId: 'c'.repeat(8) }, instance: 'd'.repeat(32) }));
  expect(await nextAnswer(next)).toMatchObject({ resumed: false });
  expect(hub().figures).toMatchObject({ takeovers: 1, connected: 1 });
  expect(hub().rivals.conflicts.get('idc-1')).toBeUndefined();
}, 20_000);

test('an agent of a former release, which reads no refusal, is closed', async () => {
  await loopback.agent('idc-1');
  const old = await websocket();
  const frames: Buffer[] = [];
  old.on('message', (message) => frames.push(message as Buffer));
  old.send(hello({}));
  const [code] = (await once(old, 'close')) as [number];
  expect(code).toBe(4008);
  expect(frames).toEqual([]);
  expect(hub().figures).toMatchObject({ takeovers: 0, connected: 1 });
});

test('whoever goes away while the first is asked gets nothing, and harms nobody', async () => {
  const silent = await websocket();
  silent.send(hello({ machine: first }));
  await until(() => hub().figures.connected === 1);
  const gone = await websocket();
  gone.send(hello({ machine: copy, instance: 'd'.repeat(32) }));
  await until(() => gone.bufferedAmount === 0);
  gone.terminate();
  await until(() => hub().figures.handshakesFailed === 1);
  silent.ping();
  await new Promise((resolve) => setTimeout(resolve, limits.suspectAfterMs + 300));
  expect(hub().figures).toMatchObject({ takeovers: 0, sessionsBegun: 1, connected: 1 });
}, 20_000);

test('a frame before the answer breaks the protocol', async () => {
  const silent = await websocket();
  silent.send(hello({ machine: first }));
  await until(() => hub().figures.connected === 1);
  const hasty = await websocket();
  hasty.send(hello({ machine: copy, instance: 'd'.repeat(32) }));
  hasty.send(encodeFrame(FrameType.control, 0, 0, Buffer.from('{}')));
  const [code] = (await once(hasty, 'close')) as [number];
  expect(code).toBe(4003);
});

describe('the tunnel is at another replica', () => {
  const there = { address: '10.0.0.7', hostname: 'idc-1' };
  const withElsewhere = async (askElsewhere: AskElsewhere) => {
    await loopback.close();
    loopback = await Loopback.start(limits, {}, { askElsewhere });
    const one = await websocket();
    one.send(hello({ machine: copy }));
    return nextAnswer(one);
  };

  test('whose host answers: refused here', async () => {
    expect(await withElsewhere(() => Promise.resolve(there))).toMatchObject({
      refused: { code: 'IDENTITY_IN_USE', values: { holder: 'idc-1 at 10.0.0.7' } },
    });
  });

  test.each([
    ['whose host is gone', () => Promise.resolve(undefined)],
    ['which does not answer', () => Promise.reject(new Fault('REPLICA_UNREACHABLE', { replica: 'b' }))],
    ['or nowhere', () => undefined],
  ] satisfies [string, AskElsewhere][])('%s: it gets in', async (_, askElsewhere) => {
    expect(await withElsewhere(askElsewhere)).toMatchObject({ resumed: false });
  });

  test('asked by that replica, this one names the host that it has, if it answers and is another process', async () => {
    const claimant = { node: 'idc-1', instance: 'd'.repeat(32), host: refusedCopy.refused };
    expect(await hub().rivals.holderHere(claimant)).toBeUndefined();
    await loopback.agent('idc-1', { machine: first });
    expect(await hub().rivals.holderHere(claimant)).toMatchObject({ hostname: 'idc-1' });
    expect(hub().rivals.conflicts.get('idc-1')).toEqual(refusedCopy);
    const silent = await websocket('idc-2');
    silent.send(hello({ machine: first, instance: 'c'.repeat(32) }));
    await until(() => hub().figures.connected === 2);
    const other = { ...claimant, node: 'idc-2' };
    expect(await hub().rivals.holderHere({ ...other, instance: 'c'.repeat(32) })).toBeUndefined();
    expect(await hub().rivals.holderHere(other)).toBeUndefined();
    expect(hub().rivals.conflicts.get('idc-2')).toBeUndefined();
  }, 20_000);
});

test('a machine that is not the registered one is refused, also when nobody has the tunnel', async () => {
  await loopback.close();
  const judgeMachine = (name: string, { hostname }: Machine) =>
    hostname === copy.hostname ? new Fault('HARDWARE_DIFFERS', { name, detail: 'cards' }) : undefined;
  loopback = await Loopback.start(limits, {}, { judgeMachine });
  const other = await loopback.agentWithoutWaiting('idc-1', { machine: copy });
  await until(() => other.status.lastFault !== undefined, 9000);
  expect(other.status.lastFault).toMatchObject({ code: 'HARDWARE_DIFFERS', values: { detail: 'cards' } });
  expect(hub().rivals.conflicts.get('idc-1')).toMatchObject({ code: 'HARDWARE_DIFFERS', detail: 'cards' });
  await loopback.agent('idc-1', { machine: first });
  expect(hub().host('idc-1')).toMatchObject({ hostname: 'idc-1' });
});

describe('a question', () => {
  const world = () => {
    const clock = new FakeClock();
    let heardMs = 0;
    const questions = new Questions(clock, () => heardMs);
    const told: boolean[] = [];
    questions.ask(5, 3000, (isThere) => told.push(isThere));
    return { clock, questions, told, hear: () => (heardMs = clock.nowMs()) };
  };

  test('is answered by its PONG or a later one, once', () => {
    for (const nonce of [5, 6]) {
      const { questions, told } = world();
      questions.pong(4);
      expect(told).toEqual([]);
      questions.pong(nonce);
      questions.pong(7);
      questions.end();
      expect(told).toEqual([true]);
    }
  });

  test('is no at the end of the connection', () => {
    const { questions, told } = world();
    questions.end();
    expect(told).toEqual([false]);
  });

  test.each([
    ['nothing comes', 0, false],
    ['what was on its way has come', 500, false],
    ['bytes go on coming', 2500, true],
  ])('is told after its time when %s', (_, untilMs, answer) => {
    const { clock, told, hear } = world();
    for (let now = 0; now <= 3200; now += 100) {
      clock.advance(100);
      if (now < untilMs) hear();
    }
    expect(told).toEqual([answer]);
  });
});

async function websocket(name = 'idc-1'): Promise<WebSocket> {
  const { certificatePem, keyPem } = await loopback.authority.issue(name);
  const socket = new WebSocket(`${loopback.gateway.url.replace('https', 'wss')}/v1/tunnel`, [subprotocol], {
    ca: loopback.authority.caPem,
    cert: certificatePem,
    key: keyPem,
  });
  loopback.defer(() => socket.terminate());
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

function hello(more: object): Uint8Array {
  const body = { version: 1, instance: 'c'.repeat(32), epoch: 1, session: '', received: 0, ...more };
  return encodeFrame(FrameType.hello, 0, 0, Buffer.from(JSON.stringify(body)));
}

async function nextAnswer(socket: WebSocket): Promise<object> {
  const [message] = (await once(socket, 'message')) as [Buffer];
  const length = message.readUInt32LE(0);
  return JSON.parse(message.subarray(16, 16 + length).toString()) as object;
}
