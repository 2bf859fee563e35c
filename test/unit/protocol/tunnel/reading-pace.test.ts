// What a peer's frames may cost: one that asks for more than its share is not read for a
// moment, and never ended for it.
import { expect, test } from 'vitest';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { FrameType } from '../../../../protocol/tunnel/frame.ts';
import { ReadingPaces } from '../../../../protocol/tunnel/reading-pace.ts';
import { encodeFrame, RawAgent } from '../../../property/tunnel/raw-peer.ts';

const refusing = () =>
  new RawAgent(
    {},
    { onOffer: (stream) => stream.refuse(new Fault('TUNNEL_STREAM_LIMIT', { limit: 0 })) },
  ).hello();
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const opens = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) =>
    encodeFrame(FrameType.open, first + 2 * index, 0, json({ target: 'a', reason: '' })),
  );

test('opens without end: it is not read until they are paid for, and goes on', () => {
  const peer = refusing();
  peer.say(...opens(2, 600));
  expect(peer.near.paused, 'as many as a kubelet may have').toBe(false);
  for (let turn = 0; turn < 20; turn += 1) peer.say(...opens(2 + 1200 * (turn + 1), 600));
  expect(peer.near.paused).toBe(true);
  peer.clock.advance(3000);
  expect(peer.near.paused).toBe(false);
  expect(peer.violations).toEqual([]);
});

test('messages of a kind that nobody knows', () => {
  const peer = refusing();
  for (let turn = 0; turn < 40; turn += 1)
    peer.say(
      ...Array.from({ length: 1000 }, () => encodeFrame(FrameType.control, 0, 0, json({ kind: 'x' }))),
    );
  expect(peer.near.paused).toBe(true);
});

test('messages and opens that take longer than their bytes would say', () => {
  const slow = (peer: RawAgent) => () => void peer.clock.advance(40);
  for (const [type, stream, payload] of [
    [FrameType.control, 0, json({ kind: 'later' })],
    [FrameType.open, 2, json({ target: 'a', reason: '' })],
  ] as const) {
    const peer: RawAgent = new RawAgent(
      {},
      { onUnknownControl: () => slow(peer)(), onOffer: () => slow(peer)() },
    ).hello();
    let said = 0;
    for (; said < 50 && !peer.near.paused; said += 1)
      peer.say(encodeFrame(type, stream === 0 ? 0 : stream + 2 * said, 0, payload));
    // A fifth of a second at once, and a fifth of the time meanwhile.
    expect(said, String(type)).toBeGreaterThanOrEqual(5);
    expect(said, String(type)).toBeLessThan(10);
  }
});

test('more values than any message has end the session', () => {
  const keys = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`_${index}`, 0]));
  const message = refusing();
  message.say(encodeFrame(FrameType.control, 0, 0, json({ kind: 'later', ...keys(5000) })));
  const open = refusing();
  open.say(encodeFrame(FrameType.open, 2, 0, json({ target: 'a', reason: '', ...keys(40) })));
  for (const { kinds } of [message, open]) expect(kinds).toEqual(['payload']);
});

test('a bulk stream of a gigabit and its acknowledgements: never a rest', () => {
  const peer = refusing();
  const second = [
    ...Array.from({ length: 8000 }, () => encodeFrame(FrameType.ack)),
    ...Array.from({ length: 8000 }, () => encodeFrame(FrameType.pong)),
  ];
  for (let turn = 0; turn < 100; turn += 1) {
    peer.say(...second);
    expect(peer.near.paused).toBe(false);
    peer.clock.advance(1000);
  }
});

test('credit of one byte without end costs as well', () => {
  const peer = refusing();
  peer.say(...opens(2, 1));
  for (let turn = 0; turn < 100; turn += 1)
    peer.say(...Array.from({ length: 4000 }, () => encodeFrame(FrameType.window, 2, 1)));
  expect(peer.near.paused).toBe(true);
});

test('questions whether we are alive, and messages in which there is nothing', () => {
  const asking = refusing();
  for (let turn = 0; turn < 15; turn += 1)
    asking.say(...Array.from({ length: 4000 }, () => encodeFrame(FrameType.ping)));
  expect(asking.near.paused).toBe(true);
  const silent = refusing();
  for (let count = 0; count < 210_000 && !silent.near.paused; count += 1) silent.say();
  expect(silent.near.paused).toBe(true);
  expect([...asking.violations, ...silent.violations]).toEqual([]);
});

test('whoever is closed while it is not read hears why', () => {
  const peer = refusing();
  for (let turn = 0; turn < 20; turn += 1) peer.say(...opens(2 + 1200 * turn, 600));
  expect(peer.near.paused).toBe(true);
  peer.session.end(4002, 'removed');
  expect(peer.near.paused).toBe(false);
});

test('whoever goes on without end while it is closed is not read until it is cut off', () => {
  const peer = refusing();
  peer.session.end(4002, 'removed');
  for (let count = 0; count < 210_000 && !peer.near.paused; count += 1) peer.say();
  expect(peer.near.paused).toBe(true);
  peer.clock.advance(1000);
  expect(peer.near.closed).toBe(true);
});

test('to connect again buys nothing, and those who connected the longest ago are forgotten', () => {
  const paces = new ReadingPaces(2);
  for (let count = 0; count < 20_000; count += 1) paces.of('idc-1', 0).took(FrameType.open, 0, 0);
  expect(paces.of('idc-1', 0).waitMs(0)).toBe(2001);
  expect(paces.of('idc-1', 1000).waitMs(1000)).toBe(1001);
  paces.of('idc-2', 1000);
  expect(paces.of('idc-1', 1000).waitMs(1000)).toBe(1001);
  paces.of('idc-3', 1000);
  paces.of('idc-4', 1000);
  expect(paces.of('idc-1', 1000).waitMs(1000)).toBe(0);
});
