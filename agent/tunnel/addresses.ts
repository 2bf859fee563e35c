// The addresses of the gateway's name: without a balancer, one for each replica. They are tried in the order
// in which the resolver gives them, those that failed behind the others and the one that failed last at the
// very end, so that an attempt never waits again for a replica that is known to be away. One at a time:
// there are never two tunnels.
import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction, Socket } from 'node:net';

export type ResolveAll = (
  host: string,
  answer: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

/** An address is given up for the next one after so long; the last one has the rest of the time. */
export const addressTimeoutMs = 700;
const rememberedAddresses = 64;

export class GatewayAddresses {
  readonly #resolve: ResolveAll;
  readonly #failed = new Map<string, number>();
  #failures = 0;

  constructor(resolve: ResolveAll = (host, answer) => lookup(host, { all: true }, answer)) {
    this.#resolve = resolve;
  }

  /** For net.connect. */
  readonly lookup: LookupFunction = (host, options, answer) => {
    this.#resolve(host, (error, found) => {
      const sorted = error ? [] : this.#sorted(found);
      const [first] = sorted;
      if (options.all) answer(error, sorted);
      else answer(error, first?.address ?? '', first?.family);
    });
  };

  /** Learns which addresses do not answer. */
  watch(socket: Socket): void {
    socket.on('connectionAttemptFailed', (address) => this.failed(address));
    socket.on('connectionAttemptTimeout', (address) => this.failed(address));
  }

  /** It did not answer, or what answered there was no gateway that serves us. */
  failed(address: string | undefined): void {
    if (address === undefined) return;
    if (this.#failed.size >= rememberedAddresses) this.#failed.clear();
    this.#failures += 1;
    this.#failed.set(address, this.#failures);
  }

  worked(address: string | undefined): void {
    if (address !== undefined) this.#failed.delete(address);
  }

  #sorted(found: readonly LookupAddress[]): LookupAddress[] {
    const failure = ({ address }: LookupAddress) => this.#failed.get(address) ?? 0;
    return found.toSorted((a, b) => failure(a) - failure(b));
  }
}
