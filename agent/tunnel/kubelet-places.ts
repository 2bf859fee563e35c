// Who may have how many connections to the API server at a time. Any process of root's may have some, and a
// few of them in a minute: also one in a pod that shares the host's network. The others, here and of what the
// gateway lets a node open, are the kubelet's: whose a connection is, is looked up only where places are few.
import { type BucketLimits, TokenBucket } from '../../protocol/rate/token-bucket.ts';
import type { SocketAddress } from '../host/socket-table.ts';

export interface KubeletPlacesOptions {
  /** Of all. */
  readonly limit: number;
  /** Of those that nobody has to be looked up for. */
  readonly shared: number;
  readonly pace: BucketLimits;
  /** Whether the kubelet holds the socket at `own`, which is connected to `other`. */
  readonly isKubelets: (own: SocketAddress, other: SocketAddress) => Promise<boolean>;
  readonly nowMs: () => number;
}

/** Why there is none, or how to give it back. */
export type Place = { readonly refused: string } | { readonly leave: () => void };

export class KubeletPlaces {
  readonly #options: KubeletPlacesOptions;
  readonly #pace: TokenBucket;
  #shared = 0;
  #taken = 0;

  constructor(options: KubeletPlacesOptions) {
    this.#options = options;
    this.#pace = new TokenBucket(options.pace, options.nowMs());
  }

  async take(own: SocketAddress, other: SocketAddress): Promise<Place> {
    const { limit, shared, isKubelets, nowMs } = this.#options;
    if (this.#taken < limit && this.#shared < shared && this.#pace.take(1, nowMs())) {
      this.#shared += 1;
      return this.#taking(() => {
        this.#shared -= 1;
      });
    }
    if (!(await isKubelets(own, other))) return { refused: 'other places are the kubelet’s' };
    return this.#taken < limit ? this.#taking() : { refused: `more than ${limit}` };
  }

  #taking(left: () => void = () => {}): Place {
    this.#taken += 1;
    return {
      leave: () => {
        this.#taken -= 1;
        left();
      },
    };
  }
}
