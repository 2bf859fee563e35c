// Memory is given back early, and never too early: a peer that acknowledges what has not left yet
// must not make us send freed memory, and neither may a reconnect. That the tests would see it is
// shown with the fault put in.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { FrameType } from '../../../../protocol/tunnel/frame.ts';
import {
  discard,
  giveBack,
  lend,
  memoryRules,
  OwnedBuffer,
  takeBlock,
} from '../../../../protocol/tunnel/memory.ts';
import { encodeFrame, RawAgent } from '../../../property/tunnel/raw-peer.ts';
import { Recorder, Simulation } from '../../../property/tunnel/simulation.ts';

const block = () => new Uint8Array(64 * 1024).fill(7);

afterEach(() => {
  memoryRules.poison = false;
  vi.restoreAllMocks();
});

test('a whole large buffer is freed, a part of one, a small one and shared memory are not', () => {
  const whole = block();
  const shared = new Uint8Array(new SharedArrayBuffer(64 * 1024));
  const part = block().subarray(1);
  const small = new Uint8Array(1000);
  for (const bytes of [whole, shared, part, small]) discard(bytes);
  expect([whole, shared, part, small].map(({ length }) => length)).toEqual([0, 65_536, 65_535, 1000]);
});

test('a block is used again when its last reader has given it back, not before', () => {
  memoryRules.poison = true;
  const taken = takeBlock();
  taken.bytes.fill(7);
  const view = taken.bytes.subarray(100, 200);
  expect(lend(view)).toBe(taken);
  giveBack(taken);
  expect(view[0]).toBe(7);
  giveBack(taken);
  expect(view[0]).toBe(0xdd);
  expect(takeBlock()).toBe(taken);
  giveBack(taken);
});

test('what the peer has is freed, when it was the session alone that had it', () => {
  const simulation = new Simulation();
  simulation.connect();
  simulation.settle();
  simulation.open();
  simulation.settle();
  const recorder = simulation.accepted[0] as Recorder;
  const [owned, borrowed] = [block(), block()];
  recorder.stream?.write(owned, true);
  recorder.stream?.write(borrowed);
  simulation.settle();
  simulation.clock.advance(200);
  simulation.settle();
  expect([owned.length, borrowed.length]).toEqual([0, 65_536]);
  expect(simulation.agent.figures.unacknowledgedBytes).toBe(0);
});

/** What a peer gets that acknowledges everything before it has left. */
function sendToLiar(): { owned: Uint8Array; arrived: Buffer | undefined } {
  const peer = new RawAgent().hello();
  const recorder = new Recorder();
  peer.session.open({ target: 'kubelet', reason: '' }, recorder);
  peer.settle();
  const id = peer.framesOf(FrameType.open)[0]?.stream ?? 0;
  peer.say(encodeFrame(FrameType.openOk, id, 1_000_000));
  const owned = block();
  recorder.stream?.write(owned, true);
  peer.clock.settle();
  expect(peer.near.bufferedBytes).toBeGreaterThan(65_536);
  peer.say(encodeFrame(FrameType.ack, 0, 2));
  expect(peer.session.figures.unacknowledgedBytes).toBe(0);
  peer.settle();
  return { owned, arrived: peer.framesOf(FrameType.data)[0]?.payload };
}

describe('a peer that acknowledges what has not left', () => {
  test('frees it only when it has left', () => {
    const { owned, arrived } = sendToLiar();
    expect(arrived?.equals(block())).toBe(true);
    expect(owned.length).toBe(0);
  });

  test('would get freed memory if writes under way were not counted', () => {
    memoryRules.poison = true;
    vi.spyOn(OwnedBuffer.prototype, 'writing').mockImplementation(() => {});
    expect(sendToLiar().arrived?.every((byte) => byte === 0xdd)).toBe(true);
  });
});

test('after a cut nothing is freed that may have to be sent again', () => {
  memoryRules.poison = true;
  const simulation = new Simulation();
  simulation.connect();
  simulation.settle();
  const reader = simulation.open();
  simulation.settle();
  const owned = block();
  simulation.accepted[0]?.stream?.write(owned, true);
  simulation.clock.settle();
  simulation.cut();
  expect(owned[0]).toBe(7);
  simulation.connect();
  simulation.settle();
  expect(reader.received.equals(block())).toBe(true);
});
