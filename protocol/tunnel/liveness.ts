// Decides from the times of what was heard and sent whether to ask (PING), to suspect the way, or to give the
// connection up. Pure. Something is asked when nothing was heard for the PING interval, or earlier when we
// sent frames that should have been acknowledged and heard nothing; a peer that speaks anyway is asked only
// now and then, so that the round trip stays known: a node with its heartbeat pays for no PINGs. What the
// peer says of itself puts a doubt off, for an answer may wait behind it, and only an answer ends one: on a
// line that loses one direction the other still brings the peer's own PINGs. A pause of this very process
// (SIGSTOP, a suspended machine) is not held against the peer.

import { FrameType } from './frame.ts';

/** Nobody sends them who has not heard us. */
export const answers: ReadonlySet<number> = new Set([FrameType.pong, FrameType.ack, FrameType.telemetryAck]);

export type Verdict = 'fine' | 'ping' | 'suspect' | 'dead';

export interface LivenessLimits {
  readonly pingIntervalMs: number;
  readonly suspectAfterMs: number;
  readonly deadAfterMs: number;
}

/** So much later than the interval: a peer that says something once in every interval is not asked. */
const slack = 1.05;
/** PING intervals after which also a peer is asked that we hear from. */
const roundTripIntervals = 6;

export class Liveness {
  readonly #limits: LivenessLimits;
  #heardMs: number;
  #pingedMs: number;
  /** When the first frame was sent after the last answer. */
  #waitingSinceMs: number | undefined;
  /** Until when both directions were known to work, when that was in doubt first. */
  #provenMs: number;
  #suspected = false;

  constructor(limits: LivenessLimits, nowMs: number) {
    this.#limits = limits;
    this.#heardMs = nowMs;
    this.#pingedMs = nowMs;
    this.#provenMs = nowMs;
  }

  get isSuspected(): boolean {
    return this.#suspected;
  }

  get heardMs(): number {
    return this.#heardMs;
  }

  /** Since when nothing shows that the peer hears us. */
  get unansweredSinceMs(): number {
    return this.#waitingSinceMs === undefined ? this.#heardMs : this.#provenMs;
  }

  /** Anything at all. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** What only a peer says that has heard us: an acknowledgement, a PONG. */
  answered(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#waitingSinceMs = undefined;
    this.#suspected = false;
  }

  /** Frames were sent that the peer will acknowledge; true when the next check has come nearer. */
  sent(nowMs: number): boolean {
    if (this.#waitingSinceMs !== undefined) return false;
    this.#waitingSinceMs = nowMs;
    this.#provenMs = this.#heardMs;
    return true;
  }

  pinged(nowMs: number): void {
    this.#pingedMs = nowMs;
    this.sent(nowMs);
  }

  /** This process did not run for a while: the peer gets the time to answer once more. */
  paused(nowMs: number): void {
    const { deadAfterMs, suspectAfterMs } = this.#limits;
    this.#heardMs = Math.max(this.#heardMs, nowMs - Math.max(0, deadAfterMs - 2 * suspectAfterMs));
    this.#provenMs = Math.max(this.#provenMs, this.#heardMs);
    this.#pingedMs = Math.min(this.#pingedMs, nowMs - roundTripIntervals * this.#limits.pingIntervalMs);
  }

  check(nowMs: number): Verdict {
    const { suspectAfterMs, deadAfterMs } = this.#limits;
    if (nowMs - this.#heardMs >= deadAfterMs) return 'dead';
    if (nowMs >= this.#pingDueMs) return 'ping';
    const waiting = this.#waitingSinceMs;
    if (waiting === undefined || nowMs - Math.max(waiting, this.#heardMs) < suspectAfterMs) return 'fine';
    // Unanswered for a while: ask once, and if that stays unanswered too, suspect.
    if (this.#pingedMs < waiting) return 'ping';
    if (this.#suspected || nowMs - this.#pingedMs < suspectAfterMs) return 'fine';
    this.#suspected = true;
    return 'suspect';
  }

  /** When `check` can next say something other than 'fine'. */
  nextCheckMs(): number {
    const { suspectAfterMs, deadAfterMs } = this.#limits;
    const waiting = this.#waitingSinceMs;
    const doubt =
      waiting === undefined || this.#suspected
        ? Number.POSITIVE_INFINITY
        : Math.max(waiting, this.#pingedMs, this.#heardMs) + suspectAfterMs;
    return Math.min(this.#heardMs + deadAfterMs, this.#pingDueMs, doubt);
  }

  get #pingDueMs(): number {
    const { pingIntervalMs } = this.#limits;
    const quiet = Math.max(this.#heardMs, this.#pingedMs) + slack * pingIntervalMs;
    return Math.min(quiet, this.#pingedMs + roundTripIntervals * pingIntervalMs);
  }
}
