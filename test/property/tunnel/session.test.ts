// Streams over random disconnects: whatever is written arrives once and in order, in both directions, however
// messages, cuts, stalled readers and ends are interleaved. All that is written is given to the session to
// free, and freed memory is overwritten at once, so that a byte which is looked at too late arrives as 0xDD.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { memoryRules, OwnedBuffer } from '../../../protocol/tunnel/memory.ts';
import { type Recorder, Simulation } from './simulation.ts';

type Action =
  | { kind: 'write'; stream: number; side: 'gateway' | 'agent'; bytes: number }
  | { kind: 'end'; stream: number; side: 'gateway' | 'agent' }
  | { kind: 'deliver'; side: 'gateway' | 'agent'; messages: number }
  | { kind: 'run' }
  | { kind: 'cut' }
  | { kind: 'supersede' }
  | { kind: 'pass'; milliseconds: number }
  | { kind: 'stall'; stream: number; greedy: boolean };

const streams = 4;
const stream = fc.nat({ max: streams - 1 });
const side = fc.constantFrom('gateway', 'agent');
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write'),
      stream,
      side,
      bytes: fc.integer({ min: 1, max: 9000 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('deliver'), side, messages: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('run') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end'), stream, side }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cut') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('supersede') }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('pass'), milliseconds: fc.integer({ min: 1, max: 9000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stall'), stream, greedy: fc.boolean() }) },
) as fc.Arbitrary<Action>;

/** Bytes that say where they stand in their stream. */
function numbered(from: number, bytes: number, salt: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  for (let index = 0; index < bytes; index += 1)
    buffer[index] = (((from + index) * 31) >>> 3) + salt + from + index;
  return buffer;
}

const tight = {
  streamCreditBytes: 8192,
  streamCreditFloorBytes: 1024,
  receiveBudgetBytes: 40_000,
  streamQueueBytes: 4096,
  unacknowledgedBytes: 20_000,
  bufferedBytes: 6000,
  quantumBytes: 1500,
  acknowledgeAfterBytes: 3000,
};

class Side {
  readonly recorder: Recorder;
  written = 0;
  ended = false;
  readonly salt: number;

  constructor(recorder: Recorder, salt: number) {
    this.recorder = recorder;
    this.salt = salt;
  }

  write(bytes: number): void {
    if (this.ended || !this.recorder.stream) return;
    this.recorder.stream.write(numbered(this.written, bytes, this.salt), true);
    this.written += bytes;
  }

  end(): void {
    if (this.ended || !this.recorder.stream) return;
    this.ended = true;
    this.recorder.stream.end();
  }
}

function expectPrefix(from: Side, to: Side): void {
  const received = to.recorder.received;
  expect(received.length).toBeLessThanOrEqual(from.written);
  expect(received.equals(numbered(0, received.length, from.salt))).toBe(true);
}

function perform(simulation: Simulation, pairs: { gateway: Side; agent: Side }[], step: Action): void {
  switch (step.kind) {
    case 'write':
      pairs[step.stream]?.[step.side].write(step.bytes);
      break;
    case 'end':
      pairs[step.stream]?.[step.side].end();
      break;
    case 'deliver':
      for (let count = 0; count < step.messages; count += 1) simulation.link?.[step.side].deliver();
      break;
    case 'run':
      simulation.clock.settle();
      break;
    case 'cut':
      simulation.cut();
      break;
    case 'supersede':
      simulation.connect();
      break;
    case 'pass':
      simulation.clock.advance(step.milliseconds);
      break;
    case 'stall': {
      const recorder = pairs[step.stream]?.agent.recorder;
      if (!recorder) break;
      recorder.greedy = step.greedy;
      if (step.greedy) recorder.consume();
    }
  }
}

beforeEach(() => {
  memoryRules.poison = true;
});
afterEach(() => {
  memoryRules.poison = false;
  vi.restoreAllMocks();
});

function checkRandomCuts(numRuns: number): void {
  fc.assert(
    fc.property(fc.array(action, { minLength: 20, maxLength: 250 }), (steps) => {
      const simulation = new Simulation({ ...tight, deadAfterMs: 1e9, resumeWindowMs: 1e9 });
      simulation.connect();
      simulation.settle();
      const opened = Array.from({ length: streams }, () => simulation.open());
      simulation.settle();
      const pairs = opened.map((recorder, index) => ({
        gateway: new Side(recorder, index),
        agent: new Side(simulation.accepted[index] as Recorder, index + 100),
      }));
      for (const step of steps) {
        perform(simulation, pairs, step);
        for (const { gateway, agent } of pairs) {
          expectPrefix(gateway, agent);
          expectPrefix(agent, gateway);
        }
        const kept = Math.max(
          simulation.agent.figures.unacknowledgedBytes,
          simulation.gateway.figures.unacknowledgedBytes,
        );
        expect(kept).toBeLessThanOrEqual(2 * tight.unacknowledgedBytes + tight.streamCreditBytes);
      }
      finish(simulation, pairs);
      expect(simulation.violations).toEqual([]);
    }),
    { numRuns, endOnFailure: true },
  );
}

describe('over random cuts', () => {
  test('no byte is lost, doubled or out of order, and nothing is called a violation', () => {
    checkRandomCuts(Number(process.env.TUNNEL_RUNS ?? 300));
  });

  test('memory that was freed before the peer has it would be noticed', () => {
    const written = OwnedBuffer.prototype.written;
    vi.spyOn(OwnedBuffer.prototype, 'written').mockImplementation(function (this: OwnedBuffer) {
      written.call(this);
      this.acknowledge();
    });
    expect(() => checkRandomCuts(300)).toThrow();
  });
});

/** Connects for good, lets everybody read, ends all streams, and expects everything to have arrived. */
function finish(simulation: Simulation, pairs: { gateway: Side; agent: Side }[]): void {
  simulation.connect();
  for (const { gateway, agent } of pairs) {
    agent.recorder.greedy = true;
    agent.recorder.consume();
    gateway.end();
    agent.end();
  }
  for (let round = 0; round < 20; round += 1) {
    simulation.settle();
    simulation.clock.advance(200);
  }
  for (const { gateway, agent } of pairs) {
    expect(agent.recorder.received.length).toBe(gateway.written);
    expect(gateway.recorder.received.length).toBe(agent.written);
    expectPrefix(gateway, agent);
    expectPrefix(agent, gateway);
    expect([gateway.recorder.outcome, agent.recorder.outcome]).toEqual(['finished', 'finished']);
  }
  expect(simulation.gateway.figures.unacknowledgedBytes).toBe(0);
  expect(simulation.agent.figures.unacknowledgedBytes).toBe(0);
  expect(simulation.gateway.figures.streams + simulation.agent.figures.streams).toBe(0);
}
