// A session that is fed well-formed frames in any order by a peer that follows no rules: it never throws,
// keeps within its limits, and either goes on or ends as a whole.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameType } from '../../../protocol/tunnel/frame.ts';
import { encodeFrame, RawAgent } from './raw-peer.ts';
import { Recorder } from './simulation.ts';

const limits = {
  streams: 8,
  controlFrames: 200,
  violations: 10,
  unacknowledgedBytes: 20_000,
  streamCreditBytes: 3000,
  streamCreditFloorBytes: 500,
  receiveBudgetBytes: 10_000,
  bufferedBytes: 3000,
};

type Step =
  | { kind: 'frame'; type: number; stream: number; aux: number; bytes: number }
  | { kind: 'open' }
  | { kind: 'write'; stream: number; bytes: number }
  | { kind: 'end'; stream: number }
  | { kind: 'consume'; stream: number }
  | { kind: 'settle' }
  | { kind: 'pass'; milliseconds: number };

const index = fc.nat({ max: 7 });
const frame = fc.record({
  kind: fc.constant('frame'),
  type: fc.constantFrom(
    FrameType.openOk,
    FrameType.data,
    FrameType.data,
    FrameType.window,
    FrameType.fin,
    FrameType.rst,
    FrameType.open,
    FrameType.openErr,
    FrameType.ping,
    FrameType.pong,
    FrameType.ack,
    FrameType.heartbeat,
    FrameType.telemetry,
  ),
  stream: fc.integer({ min: 1, max: 20 }),
  aux: fc.oneof(fc.nat({ max: 4000 }), fc.integer({ min: 0, max: 0xffff_ffff })),
  bytes: fc.integer({ min: 1, max: 2500 }),
});
const step = fc.oneof(
  { weight: 10, arbitrary: frame },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('open') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('write'),
      stream: index,
      bytes: fc.integer({ min: 1, max: 5000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end'), stream: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('consume'), stream: index }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('settle') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass'), milliseconds: fc.nat({ max: 3000 }) }) },
) as fc.Arbitrary<Step>;

const refusal = Buffer.from('{"code":"TUNNEL_TARGET_REFUSED","values":{"target":"x"}}');
const target = Buffer.from('{"target":"kubelet","reason":""}');

function payloadOf(type: number, bytes: number): Uint8Array | undefined {
  if (type === FrameType.open) return target;
  if (type === FrameType.openErr) return refusal;
  const carries = [FrameType.data, FrameType.heartbeat, FrameType.telemetry] as number[];
  return carries.includes(type) ? new Uint8Array(bytes) : undefined;
}

/** Mostly a stream that exists, sometimes one that doesn't. */
function streamOf({ type, stream }: { type: number; stream: number }, opened: number): number {
  if (type < FrameType.open || type > FrameType.rst) return 0;
  if (type === FrameType.open) return 2 * stream;
  return opened > 0 && stream < 20 ? 2 * (stream % opened) + 1 : stream;
}

function perform(peer: RawAgent, recorders: Recorder[], action: Step): void {
  switch (action.kind) {
    case 'frame': {
      const payload = payloadOf(action.type, action.bytes);
      const aux = action.type === FrameType.ack ? action.aux % 4 : action.aux;
      peer.say(encodeFrame(action.type, streamOf(action, recorders.length), aux, payload));
      break;
    }
    case 'open': {
      const recorder = new Recorder();
      recorder.greedy = false;
      recorders.push(recorder);
      peer.session.open({ target: 'kubelet', reason: 'test' }, recorder);
      break;
    }
    case 'write':
      recorders[action.stream]?.stream?.write(new Uint8Array(action.bytes));
      break;
    case 'end':
      recorders[action.stream]?.stream?.end();
      break;
    case 'consume':
      recorders[action.stream]?.consume();
      break;
    case 'settle':
      peer.settle();
      break;
    case 'pass':
      peer.clock.advance(action.milliseconds);
  }
}

test('any order of well-formed frames: bounded, and never an exception', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 200 }), (steps) => {
      const peer = new RawAgent(limits).hello();
      const recorders: Recorder[] = [];
      for (const action of steps) {
        perform(peer, recorders, action);
        const { streams, unacknowledgedBytes, controlFramesQueued } = peer.session.figures;
        expect(streams).toBeLessThanOrEqual(2 * limits.streams);
        expect(unacknowledgedBytes).toBeLessThan(2 * limits.unacknowledgedBytes + 70_000);
        expect(controlFramesQueued).toBeLessThanOrEqual(limits.controlFrames);
        const owed = recorders.reduce((sum, recorder) => sum + recorder.owedBytes, 0);
        expect(owed).toBeLessThanOrEqual(limits.receiveBudgetBytes + 16 * limits.streamCreditFloorBytes);
      }
      peer.settle();
      expect(['Open', 'Resuming', 'Closed']).toContain(peer.session.state);
      for (const recorder of recorders) {
        if (peer.session.state === 'Closed') expect(recorder.outcome).not.toBe('none');
      }
    }),
    { numRuns: Number(process.env.TUNNEL_RUNS ?? 300) },
  );
});
