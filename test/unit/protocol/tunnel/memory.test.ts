// Memory is given back early, and never too early: a peer that acknowledges what has not left yet must not make us
// send freed memory.
import { expect, test } from 'vitest';
import { FrameType } from '../../../../protocol/tunnel/frame.ts';
import { discard } from '../../../../protocol/tunnel/memory.ts';
import { encodeFrame, RawAgent } from '../../../property/tunnel/raw-peer.ts';
import { Recorder, Simulation } from '../../../property/tunnel/simulation.ts';

const block = () => new Uint8Array(64 * 1024).fill(7);

test('a whole large buffer is given back, a part of one, a small one and shared memory are not', () => {
  const whole = block();
  const shared = new Uint8Array(new SharedArrayBuffer(64 * 1024));
  const part = block().subarray(1);
  const small = new Uint8Array(1000);
  for (const bytes of [whole, shared, part, small]) discard(bytes);
  expect([whole, shared, part, small].map(({ length }) => length)).toEqual([0, 65_536, 65_535, 1000]);
});

test('what the peer has is given back, when it was ours alone', () => {
  const simulation = new Simulation();
  simulation.connect();
  simulation.settle();
  const { stream } = simulation.open();
  expect(stream).toBeUndefined();
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

test('a peer that acknowledges what has not left frees nothing', () => {
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
  expect(owned.length).toBe(65_536);
  peer.settle();
  expect(peer.framesOf(FrameType.data)[0]?.payload.equals(block())).toBe(true);
});

test('after a cut nothing is given back that may have to be sent again', () => {
  const simulation = new Simulation();
  simulation.connect();
  simulation.settle();
  const reader = simulation.open();
  simulation.settle();
  const owned = block();
  simulation.accepted[0]?.stream?.write(owned, true);
  simulation.clock.settle();
  simulation.cut();
  simulation.connect();
  simulation.settle();
  expect(reader.received.equals(block())).toBe(true);
});
