// Extends a counter that wraps at 2³² to a full number. Right as long as it is read
// at least once per 2³² counts.

export class Counter32 {
  #total = 0;
  #last = 0;

  advance(reading: number): number {
    this.#total += (reading - this.#last) >>> 0;
    this.#last = reading;
    return this.#total;
  }
}
