// Which stream may send next. Streams that were quiet come first with one quantum (an interactive stream
// never needs more), then all others take turns of one quantum each (deficit round robin, as in fq_codel). A
// stream that was stopped by its credit with bytes left comes back among the others, not as a quiet one.
// Pure: no bytes pass here, only turns.

export interface Flow {
  /** Has something to send and may. */
  readonly ready: boolean;
  /** Has something to send, whether it may or not. */
  readonly backlogged: boolean;
  turn: Turn;
}

/** The scheduler's own notes on a flow. */
export interface Turn {
  place: 'none' | 'fresh' | 'waiting';
  deficitBytes: number;
  /** Never treated as quiet: telemetry, and streams stopped with bytes left. */
  bulk: boolean;
}

export const newTurn = (bulk = false): Turn => ({ place: 'none', deficitBytes: 0, bulk });

export class Scheduler<F extends Flow> {
  readonly #quantum: number;
  readonly #fresh: F[] = [];
  readonly #waiting: F[] = [];

  constructor(quantumBytes: number) {
    this.#quantum = quantumBytes;
  }

  get idle(): boolean {
    return this.#fresh.length === 0 && this.#waiting.length === 0;
  }

  /** The flow has become ready, or might have. */
  activate(flow: F): void {
    if (flow.turn.place !== 'none' || !flow.ready) return;
    flow.turn.deficitBytes = this.#quantum;
    this.#put(flow, flow.turn.bulk ? 'waiting' : 'fresh');
  }

  /** The flow whose turn it is; the caller sends at most `share(flow)` bytes of it, then calls `charge`. */
  next(freshOnly = false): F | undefined {
    for (;;) {
      const flow = this.#fresh[0] ?? (freshOnly ? undefined : this.#waiting[0]);
      if (!flow) return undefined;
      if (flow.ready && flow.turn.deficitBytes > 0) return flow;
      this.#pass(flow);
    }
  }

  /** A flow that is alone may send without being cut into quanta. */
  share(flow: F): number {
    const alone = this.#fresh.length + this.#waiting.length === 1;
    return alone ? Number.POSITIVE_INFINITY : Math.max(1, flow.turn.deficitBytes);
  }

  charge(flow: F, bytes: number): void {
    flow.turn.deficitBytes -= bytes;
  }

  remove(flow: F): void {
    const list = flow.turn.place === 'fresh' ? this.#fresh : this.#waiting;
    const index = flow.turn.place === 'none' ? -1 : list.indexOf(flow);
    if (index >= 0) list.splice(index, 1);
    flow.turn.place = 'none';
  }

  /** The first of its list has had its turn, or has nothing to send. */
  #pass(flow: F): void {
    const wasFresh = flow.turn.place === 'fresh';
    (wasFresh ? this.#fresh : this.#waiting).shift();
    flow.turn.place = 'none';
    if (flow.ready) {
      flow.turn.deficitBytes = Math.min(this.#quantum, flow.turn.deficitBytes + this.#quantum);
      this.#put(flow, 'waiting');
    } else if (flow.backlogged) {
      flow.turn.bulk = true;
    } else if (wasFresh) {
      // One round among the others before it counts as quiet again, so that a trickle can't starve them.
      this.#put(flow, 'waiting');
    } else {
      flow.turn.bulk = false;
    }
  }

  #put(flow: F, place: 'fresh' | 'waiting'): void {
    flow.turn.place = place;
    (place === 'fresh' ? this.#fresh : this.#waiting).push(flow);
  }
}
