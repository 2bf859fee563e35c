// Flow control of one stream. The receiver grants bytes; the sender spends them and never goes below zero.
// The receiver grants again only what its local socket has taken, and in portions of a quarter of the window,
// so that a stalled reader stops exactly its own sender.

export class SendCredit {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  grant(bytes: number): void {
    this.#bytes += bytes;
  }

  spend(bytes: number): void {
    if (bytes > this.#bytes) throw new RangeError(`credit of ${this.#bytes} bytes cannot pay ${bytes}`);
    this.#bytes -= bytes;
  }
}

export class ReceiveCredit {
  readonly #window: number;
  #outstanding: number;
  #taken = 0;

  constructor(windowBytes: number) {
    this.#window = windowBytes;
    this.#outstanding = windowBytes;
  }

  get windowBytes(): number {
    return this.#window;
  }

  /** False: the peer sent more than it was granted. */
  receive(bytes: number): boolean {
    if (bytes > this.#outstanding) return false;
    this.#outstanding -= bytes;
    return true;
  }

  /** The local socket took these bytes; returns what to grant now, often 0. */
  consume(bytes: number): number {
    this.#taken += bytes;
    if (this.#taken < this.#window / 4) return 0;
    const grant = this.#taken;
    this.#taken = 0;
    this.#outstanding += grant;
    return grant;
  }
}

/**
 * The window for a new stream: full while there is plenty left, then an eighth of what is
 * left, never below the floor.
 */
export function windowFor(
  grantedBytes: number,
  limits: { streamCreditBytes: number; streamCreditFloorBytes: number; receiveBudgetBytes: number },
): number {
  const left = Math.max(0, limits.receiveBudgetBytes - grantedBytes);
  return Math.max(limits.streamCreditFloorBytes, Math.min(limits.streamCreditBytes, Math.floor(left / 8)));
}
