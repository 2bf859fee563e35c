// How long whoever was refused at a join waits. A good token, one whose secret is right, is never held up by
// what others do behind the same address: its failures count for the token and for the machine that it says
// it is. All else, be it no token, a wrong secret or no JSON, shares the patience for its address; once that
// is used up, tokens are looked at in a copy of the stored hashes that is read once in two seconds, so
// guessing costs the API server nothing more.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { TokenBucket, TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { isTokenAmong, tokenHashes, tokenId } from '../join/token.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { faultFor } from '../port/answer.ts';
import { httpStatus } from '../port/http-status.ts';
import { limits } from '../port/limits.ts';
import { network } from '../resources/address.ts';

const copyMs = 2_000;

export interface Claim {
  readonly address: string;
  /** undefined: nothing that could be read. */
  readonly token?: string;
  readonly machineId?: string;
}

export class JoinPatience {
  readonly #kubernetes: Kubernetes;
  readonly #now: () => number;
  readonly #told: TokenBucket;
  readonly #toldOfTokens = new TokenBuckets(limits.refusalsToldOfToken, limits.rememberedNodes);
  #untold = 0;
  readonly #unknown = new TokenBuckets(limits.refusals, limits.rememberedAddresses);
  readonly #machines = new TokenBuckets(limits.refusals, limits.rememberedNodes);
  readonly #tokens = new TokenBuckets(limits.refusalsOfToken, limits.rememberedNodes);
  /** Address → how many of its requests are being looked at. */
  readonly #undecided = new Map<string, number>();
  #copy: { readonly atMs: number; readonly hashes: Promise<ReadonlyMap<string, string>> } | undefined;

  constructor(kubernetes: Kubernetes, now: () => number) {
    this.#kubernetes = kubernetes;
    this.#now = now;
    this.#told = new TokenBucket(limits.refusalsTold, now());
  }

  /**
   * Whether a refusal is written down, and how many were not since the last: of all addresses so many are.
   * What comes with a good token has a share of its own, which nobody without one can use up.
   */
  async news(claim: Claim): Promise<{ readonly others?: number } | undefined> {
    const { token } = claim;
    const id = token === undefined ? undefined : tokenId(token);
    const isGood = id !== undefined && token !== undefined && (await this.#isGood(token));
    const isTold = isGood ? this.#toldOfTokens.take(id, 1, this.#now()) : this.#told.take(1, this.#now());
    if (!isTold) {
      this.#untold += 1;
      return undefined;
    }
    const others = this.#untold;
    this.#untold = 0;
    return others > 0 ? { others } : {};
  }

  /**
   * Looks at a claim that is admitted. Of one address only as many are looked at at a time as may fail at
   * once, and beside them good tokens: a failure is counted when it has happened, and a thousand that came
   * together would all have been let in by then.
   */
  async judged<T>(claim: Claim, look: () => Promise<T>): Promise<T> {
    const from = network(claim.address);
    this.#undecided.set(from, (this.#undecided.get(from) ?? 0) + 1);
    try {
      await this.admit(claim);
      return await look();
    } finally {
      const left = (this.#undecided.get(from) ?? 1) - 1;
      if (left > 0) this.#undecided.set(from, left);
      else this.#undecided.delete(from);
    }
  }

  /**
   * Throws TOO_MANY_REQUESTS. Asked once the request has been read; what could not be read is
   * asked about without a token.
   */
  async admit(claim: Claim): Promise<void> {
    const { address, token } = claim;
    const id = token === undefined ? undefined : tokenId(token);
    const from = network(address);
    const isCrowded = (this.#undecided.get(from) ?? 0) > limits.refusals.burst;
    const waits = [this.#unknown.waitSeconds(from, 1, this.#now()) || Number(isCrowded)];
    if (id !== undefined) {
      waits.push(this.#tokens.waitSeconds(id, 1, this.#now()));
      waits.push(this.#machines.waitSeconds(machineOf(id, claim), 1, this.#now()));
    }
    const [ofAddress = 0, ...ofToken] = waits;
    if (Math.max(...waits) === 0) return;
    const isGood = token !== undefined && (await this.#isGood(token));
    const seconds = isGood ? Math.max(...ofToken) : ofAddress;
    if (seconds > 0) throw new Fault('TOO_MANY_REQUESTS', { address, seconds });
  }

  /** What a refused request is told: what was wrong, or, when nothing was to be read, that it has to wait. */
  async refusal(claim: Claim, error: unknown): Promise<unknown> {
    if (claim.token === undefined && httpStatus(faultFor(error).code) < 500) {
      const tooMany = await this.admit(claim).catch((fault: unknown) => fault);
      if (tooMany !== undefined) return tooMany;
    }
    await this.#failed(claim, error);
    return error;
  }

  /** What is our own failure, or already a refusal to hear, is not held against anybody. */
  async #failed(claim: Claim, error: unknown): Promise<void> {
    const { code } = faultFor(error);
    if (httpStatus(code) >= 500 || code === 'TOO_MANY_REQUESTS') return;
    const { address, token } = claim;
    const id = token === undefined ? undefined : tokenId(token);
    if (id === undefined || token === undefined || code === 'TOKEN_INVALID' || !(await this.#isGood(token))) {
      this.#unknown.spend(network(address), 1, this.#now());
      return;
    }
    this.#tokens.spend(id, 1, this.#now());
    this.#machines.spend(machineOf(id, claim), 1, this.#now());
  }

  /** One that is younger than the copy counts as unknown for a moment, which costs it at most a retry. */
  async #isGood(token: string): Promise<boolean> {
    if (this.#copy === undefined || this.#now() - this.#copy.atMs >= copyMs) {
      this.#copy = { atMs: this.#now(), hashes: tokenHashes(this.#kubernetes) };
    }
    try {
      return isTokenAmong(await this.#copy.hashes, token);
    } catch {
      return false; // the API server is away: the join itself will say so
    }
  }
}

const machineOf = (id: string, { machineId = '' }: Claim) => `${id} ${machineId.slice(0, 64)}`;
