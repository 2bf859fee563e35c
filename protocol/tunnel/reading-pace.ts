// How much work the frames of one node may make. Some cost far more than their bytes: an OPEN of forty is
// parsed, refused and audited, and a line full of them would be a whole processor's work, for which all other
// sessions wait. Each is charged by what it costs about, and who has spent too much is not read for a moment.
// That ends nothing and loses nothing, and harms no node of good will, which may have opened much at once.
// What is said in JSON is charged by the time that it took, too: a few thousand keys are the work of a
// megabyte. What a node has spent outlives its connection: to connect again buys nothing.
import { type BucketLimits, TokenBucket } from '../rate/token-bucket.ts';
import type { TunnelClock } from './clock.ts';
import { FrameType } from './frame.ts';

/**
 * Microseconds of work, about: a fifth of a processor. The longest rest is the debt's two seconds, less
 * than a peer is suspected after.
 */
const limits: BucketLimits = { burst: 200_000, perSecond: 200_000, debt: 400_000 };
const costOf: Partial<Record<number, number>> = {
  [FrameType.open]: 30,
  [FrameType.control]: 10,
  [FrameType.telemetry]: 3,
  [FrameType.packedTelemetry]: 6,
  [FrameType.heartbeat]: 2,
  /** Its PONG is a message of its own. */
  [FrameType.ping]: 4,
};
/**
 * Of their payload: a batch is walked, a message parsed. Bytes of streams are what a tunnel is
 * for, and credit bounds them.
 */
const bytesPerMicrosecond: Partial<Record<number, number>> = {
  [FrameType.control]: 10,
  [FrameType.telemetry]: 200,
};
/** How long these take depends on what they say, and on what this end does about it. */
const timed: ReadonlySet<number> = new Set([FrameType.hello, FrameType.open, FrameType.control]);
/** A longer time is not theirs alone: this process stood still. */
const longestWorkMs = 100;
/** Also of stream bytes and credit, a credit of one byte being as much work as one of many. */
const usualCost = 1;
/** Of a websocket message, also of one in which there is no frame. */
const messageCost = 1;

export class ReadingPace {
  readonly #work: TokenBucket;

  constructor(nowMs: number) {
    this.#work = new TokenBucket(limits, nowMs);
  }

  took(type: number, payloadBytes: number, nowMs: number): void {
    this.#work.spend(charge(type, payloadBytes), nowMs);
  }

  /** What a frame has taken beyond what was charged when it came. */
  timed(type: number, payloadBytes: number, clock: Pick<TunnelClock, 'nowMs'>, act: () => void): void {
    const begunMs = clock.nowMs();
    try {
      act();
    } finally {
      const nowMs = clock.nowMs();
      const beyond = Math.min(nowMs - begunMs, longestWorkMs) * 1000 - charge(type, payloadBytes);
      if (beyond > 0) this.#work.spend(beyond, nowMs);
    }
  }

  message(nowMs: number): void {
    this.#work.spend(messageCost, nowMs);
  }

  /** How long nothing more is to be read. */
  waitMs(nowMs: number): number {
    return this.#work.waitMs(1, nowMs);
  }
}

/** Whether its time is to be taken. */
export const isTimed = (type: number): boolean => timed.has(type);

function charge(type: number, payloadBytes: number): number {
  const perMicrosecond = bytesPerMicrosecond[type];
  const forBytes = perMicrosecond === undefined ? 0 : payloadBytes / perMicrosecond;
  return (costOf[type] ?? usualCost) + forBytes;
}

/**
 * Of each node, whether it is connected or not; beyond `remembered`, the one that connected
 * the longest ago is forgotten.
 */
export class ReadingPaces {
  readonly #paces = new Map<string, ReadingPace>();
  readonly #remembered: number;

  constructor(remembered: number) {
    this.#remembered = remembered;
  }

  of(node: string, nowMs: number): ReadingPace {
    const pace = this.#paces.get(node) ?? new ReadingPace(nowMs);
    this.#paces.delete(node);
    this.#paces.set(node, pace);
    const oldest = this.#paces.keys().next();
    if (this.#paces.size > this.#remembered && !oldest.done) this.#paces.delete(oldest.value);
    return pace;
  }
}
