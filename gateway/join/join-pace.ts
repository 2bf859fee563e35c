// How often one join may be asked for. A host that lost the answer asks again with the same token, name and
// key, and takes no second use for that; but each answer is a certificate, perhaps a Secret of kube-system,
// and a line of the audit, so whoever asks without end is made to wait. Known is only what a key has signed:
// nobody makes another wait. Before that is known, a token has a share for each address that it comes from.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type BucketLimits, TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { network } from '../resources/address.ts';
import { type Applicant, tokenId } from './token.ts';

/** The join itself and five repeats at once, then one a minute. */
const sameJoins: BucketLimits = { burst: 6, perSecond: 1 / 60 };
/** A data centre behind one address, then so many hosts a second. */
const begun: BucketLimits = { burst: 500, perSecond: 10 };
const remembered = 20_000;

export class JoinPace {
  readonly #joins = new TokenBuckets(sameJoins, remembered);
  readonly #begun = new TokenBuckets(begun, remembered);

  /** Throws TOO_MANY_REQUESTS. Asked before anything is read. */
  begin(token: string, source: string, nowMs: number): void {
    const key = `${tokenId(token) ?? ''} ${network(source)}`;
    if (this.#begun.take(key, 1, nowMs)) return;
    const seconds = this.#begun.waitSeconds(key, 1, nowMs);
    throw new Fault('TOO_MANY_REQUESTS', { address: source, seconds });
  }

  /** Throws TOO_MANY_REQUESTS. Asked before anything else is read, and costs no memory. */
  admit(token: string, applicant: Applicant, nowMs: number): void {
    const seconds = this.#joins.waitSeconds(keyOf(tokenId(token) ?? '', applicant), 1, nowMs);
    if (seconds > 0) throw new Fault('TOO_MANY_REQUESTS', { address: applicant.source, seconds });
  }

  /** Throws TOO_MANY_REQUESTS. Asked when all is checked and only the answer is to be made. */
  take(id: string, applicant: Applicant, nowMs: number): void {
    const key = keyOf(id, applicant);
    if (this.#joins.take(key, 1, nowMs)) return;
    const seconds = this.#joins.waitSeconds(key, 1, nowMs);
    throw new Fault('TOO_MANY_REQUESTS', { address: applicant.source, seconds });
  }
}

const keyOf = (id: string, { nodeName, keySha256 }: Applicant) => `${id} ${nodeName} ${keySha256}`;
