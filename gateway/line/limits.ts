// What line probes may cost, each limit with its unit in its name. Nothing here can be used against somebody else: a datagram
// is answered only with the key of the address that it comes from, never by more bytes than it has.
export const lineLimits = {
  /** Before a join, and of a node. */
  strangerSessionMs: 2 * 60_000,
  nodeSessionMs: 30 * 60_000,
  /** Sessions of one address: so many at once, then one for each interval. */
  sessionsBurst: 20,
  sessionIntervalMs: 3_000,
  /** Datagrams of one address. */
  datagramsBurst: 1_000,
  datagramsPerSecond: 200,
  /** Of all together, counted before any signature is looked at. */
  totalDatagramsBurst: 20_000,
  totalDatagramsPerSecond: 20_000,
  /** Bytes of answers of all together. */
  totalAnswerBytesBurst: 8 * 1024 * 1024,
  totalAnswerBytesPerSecond: 8 * 1024 * 1024,
  /** Source and sink: bytes of one address. */
  transferBytesBurst: 64 * 1024 * 1024,
  transferBytesPerSecond: 1024 * 1024,
  /** Source and sink of all together; what is above waits. */
  totalTransferBytesPerSecond: 256 * 1024 * 1024,
  transfersAtOnce: 16,
  transfersAtOncePerAddress: 2,
  transferTimeoutMs: 20_000,
  rememberedAddresses: 10_000,
} as const;

/** A bucket that fills by itself: burst and rate. */
export class Bucket {
  readonly #burst: number;
  readonly #perMs: number;
  #filled: number;
  #atMs: number;

  constructor(burst: number, perSecond: number, nowMs: number) {
    this.#burst = burst;
    this.#perMs = perSecond / 1000;
    this.#filled = burst;
    this.#atMs = nowMs;
  }

  /** False, and nothing taken, when there is not enough. */
  take(amount: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#filled < amount) return false;
    this.#filled -= amount;
    return true;
  }

  /** Milliseconds until `amount` could be taken. */
  waitMs(amount: number, nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, (Math.min(amount, this.#burst) - this.#filled) / this.#perMs);
  }

  #fill(nowMs: number): void {
    // A clock that was set back fills nothing.
    const elapsedMs = Math.max(0, nowMs - this.#atMs);
    this.#filled = Math.min(this.#burst, this.#filled + elapsedMs * this.#perMs);
    this.#atMs = nowMs;
  }
}

/** One bucket an address; the address that was silent the longest is forgotten first. */
export class AddressBuckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #remembered: number;

  constructor(burst: number, perSecond: number, remembered: number = lineLimits.rememberedAddresses) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#remembered = remembered;
  }

  of(address: string, nowMs: number): Bucket {
    const bucket = this.#buckets.get(address) ?? new Bucket(this.#burst, this.#perSecond, nowMs);
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > this.#remembered) this.#buckets.delete(this.#buckets.keys().next().value ?? '');
    return bucket;
  }

  get size(): number {
    return this.#buckets.size;
  }
}
