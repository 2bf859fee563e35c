// How often those may ask who show no certificate of ours, each address and all of them: far more than a data
// centre that joins at once, and less than it takes to keep a gateway busy.
import { type BucketLimits, TokenBucket, TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { network } from '../resources/address.ts';
import { limits } from './limits.ts';

export interface AnonymousLimits {
  readonly each: BucketLimits;
  readonly all: BucketLimits;
}

export const anonymousLimits: AnonymousLimits = { each: limits.anonymous, all: limits.anonymousInAll };

export class AnonymousPace {
  readonly #each: TokenBuckets;
  readonly #limits: AnonymousLimits;
  #all: TokenBucket | undefined;

  constructor(all: AnonymousLimits) {
    this.#limits = all;
    this.#each = new TokenBuckets(all.each, limits.rememberedAddresses);
  }

  /** 0: it may ask now. Whoever is over its own share takes nothing of the others'. */
  waitSeconds(address: string, nowMs: number): number {
    const from = network(address);
    if (!this.#each.take(from, 1, nowMs)) return this.#each.waitSeconds(from, 1, nowMs);
    this.#all ??= new TokenBucket(this.#limits.all, nowMs);
    return this.#all.take(1, nowMs) ? 0 : Math.ceil(this.#all.waitMs(1, nowMs) / 1000);
  }
}
