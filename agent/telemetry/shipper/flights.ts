// What is on its way: the batches handed to the tunnel that are not acknowledged yet, and those whose bytes
// the socket may still read. It answers the two questions that decide everything: how far is it acknowledged,
// and which part of the ring may be written over. A batch that was given up (link cut, sent again) stays here
// until the tunnel lets go of its bytes.

export interface Flight {
  /** Positions in the ring. */
  readonly start: number;
  readonly end: number;
  readonly firstSequence: number;
  readonly nextSequence: number;
  readonly count: number;
  readonly departedAtMs: number;
  /** True once the tunnel needs the bytes no more. */
  released: boolean;
}

export class Flights {
  /** Unacknowledged, in order. */
  #waiting: Flight[] = [];
  /** Given up or acknowledged, but not yet released. */
  #lingering: Flight[] = [];

  add(flight: Flight): void {
    this.#waiting.push(flight);
  }

  get oldest(): Flight | undefined {
    return this.#waiting[0];
  }

  get inFlightBytes(): number {
    const first = this.#waiting[0];
    const last = this.#waiting.at(-1);
    return first === undefined || last === undefined ? 0 : (last.end - first.start) | 0;
  }

  /** Takes out all that lie wholly below `nextSequence`. */
  acknowledge(nextSequence: number): readonly Flight[] {
    let count = 0;
    while ((this.#waiting[count]?.nextSequence ?? Number.POSITIVE_INFINITY) <= nextSequence) count += 1;
    const done = this.#waiting.splice(0, count);
    this.#linger(done);
    return done;
  }

  /** Nothing is on its way any more; all of it will be sent again. */
  giveUp(): void {
    this.#linger(this.#waiting.splice(0));
  }

  /** min(limit, start of the oldest batch whose bytes may still be read). */
  freeBelow(limit: number): number {
    this.#lingering = this.#lingering.filter((flight) => !flight.released);
    let lowest = limit;
    for (const flight of [...this.#lingering, ...this.#waiting]) {
      if (!flight.released && ((flight.start - lowest) | 0) < 0) lowest = flight.start;
    }
    return lowest;
  }

  #linger(flights: readonly Flight[]): void {
    for (const flight of flights) if (!flight.released) this.#lingering.push(flight);
  }
}
