// The limits of the public port, each with its unit in its name, and the count of connections per address.
export const limits = {
  bodyBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  headersTimeoutMs: 10_000,
  /** For receiving a whole request; answers (a drain, an artifact) may take longer. */
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 15_000,
  handshakeTimeoutMs: 10_000,
  connections: 20_000,
  connectionsPerAddress: 256,
  /** Refused joins: this many at once, then one in three seconds. */
  refusals: { burst: 20, perSecond: 1 / 3 },
  /** Of one node. */
  renewals: { burst: 10, perSecond: 1 / 10 },
  rememberedAddresses: 10_000,
  rememberedNodes: 20_000,
  /** The same refusal of the same address is audited once in this time; the counters count all. */
  repeatedAuditMs: 60_000,
  /** A peer that takes no byte of an answer for this long is cut off. */
  stalledAnswerMs: 60_000,
} as const;

export class ConnectionCounter {
  readonly #perAddress = new Map<string, number>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** False: too many from there; nothing is counted then. */
  take(address: string): boolean {
    const count = this.#perAddress.get(address) ?? 0;
    if (count >= this.#limit) return false;
    this.#perAddress.set(address, count + 1);
    return true;
  }

  release(address: string): void {
    const count = (this.#perAddress.get(address) ?? 1) - 1;
    if (count > 0) this.#perAddress.set(address, count);
    else this.#perAddress.delete(address);
  }
}
