// Keeps the node's certificate good for as long as the agent runs: a new one at two thirds of the life of the
// one at hand, for the same key, written to the disk before anything uses it. One that expired while the host
// was off is renewed first of all. When is a pure function of the certificate and the clock; a clock that
// jumps is noticed within a minute.
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { RenewResponse } from '../../protocol/messages/join.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import { TokenBucket } from '../../protocol/rate/token-bucket.ts';
import type { Host } from '../host/host.ts';
import { belongsTo, isSignedBy, rootsOf, type Validity, validityOf } from './certificate.ts';
import { createCertificateRequest } from './key.ts';
import { type Identity, writeIdentity } from './store.ts';

const longestSleepMs = 60_000;
const longestPauseMs = 3600_000;
/** A node without a good certificate has no tunnel, so it asks more often. */
const longestPauseExpiredMs = 60_000;
const firstPauseMs = 2000;
const longestSpreadMs = 3600_000;
/** Between two certificates, whatever the gateway gives: a twentieth of its life within these. */
const leastBetweenMs = firstPauseMs;
const mostBetweenMs = 60_000;
/** Other roots: each is two files and a line in the log. */
const rootsPace = { burst: 5, perSecond: 1 / 60 };
const toldOnceIn = { intervalMs: 60_000, remembered: 10 };

export interface RenewalFacts extends Validity {
  /** When the roots began to be others than the one that signed this certificate. */
  readonly rootChangedAtMs?: number | undefined;
  /** Answers in a row that were none, or a certificate that was due again when it came. */
  readonly failures: number;
  readonly failedAtMs: number;
  /** When this process got the certificate; undefined: it is from before. */
  readonly renewedAtMs?: number | undefined;
  /** 0 ≤ jitter < 1, drawn once per certificate, so that nodes that joined together renew apart. */
  readonly jitter: number;
}

/** When to ask for the next certificate. */
export function renewAtMs(facts: RenewalFacts): number {
  const { notBeforeMs, notAfterMs, rootChangedAtMs, renewedAtMs, failures, failedAtMs, jitter } = facts;
  const lifeMs = notAfterMs - notBeforeMs;
  const twoThirdsMs = notBeforeMs + lifeMs * (2 / 3 - jitter / 20);
  const spreadMs = Math.min(longestSpreadMs, lifeMs / 10) * jitter;
  const wantedMs =
    rootChangedAtMs === undefined ? twoThirdsMs : Math.min(twoThirdsMs, rootChangedAtMs + spreadMs);
  const dueMs = renewedAtMs === undefined ? wantedMs : Math.max(wantedMs, renewedAtMs + pauseAfterMs(lifeMs));
  if (failures === 0) return dueMs;
  return Math.max(dueMs, failedAtMs + retryPauseMs(facts));
}

function pauseAfterMs(lifeMs: number): number {
  return Math.max(leastBetweenMs, Math.min(mostBetweenMs, lifeMs / 20));
}

function retryPauseMs({ notBeforeMs, notAfterMs, failures, failedAtMs, jitter }: RenewalFacts): number {
  const isExpired = failedAtMs >= notAfterMs;
  const lifeMs = notAfterMs - notBeforeMs;
  const capMs = isExpired
    ? longestPauseExpiredMs
    : Math.max(firstPauseMs, Math.min(longestPauseMs, lifeMs / 20));
  return Math.min(capMs, firstPauseMs * 2 ** Math.min(failures - 1, 16)) * (0.5 + jitter / 2);
}

export interface RenewalStatus {
  readonly expiresAt: string;
  readonly renewsAt: string;
  readonly fault: string;
}

export interface RenewalOptions {
  readonly host: Host;
  readonly nodeName: string;
  readonly identity: Identity;
  readonly renew: (csrPem: string) => Promise<RenewResponse>;
  /** It is on the disk already. */
  readonly onRenewed: (identity: Identity) => void;
  /** Other roots to trust, with the same certificate as before. */
  readonly onTrust: (identity: Identity) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly random?: () => number;
}

export class Renewal {
  readonly #options: RenewalOptions;
  readonly #random: () => number;
  readonly #repeats = new RepeatFilter(toldOnceIn);
  #identity: Identity;
  #validity: Validity;
  #jitter: number;
  #rootChangedAtMs: number | undefined;
  #failures = 0;
  #failedAtMs = 0;
  #renewedAtMs: number | undefined;
  #fault = '';
  #wake: () => void = () => undefined;
  #rootsBucket: TokenBucket | undefined;
  #wantedRoots: string | undefined;
  #isTrusting = false;
  // One after the other: a path is written by one writer at a time.
  #written: Promise<void> = Promise.resolve();

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#identity = options.identity;
    this.#validity = validityOf(this.#identity.certificatePem);
    this.#jitter = this.#random();
    this.#lookAtRoots();
  }

  get status(): RenewalStatus {
    const expiresAt = new Date(this.#validity.notAfterMs).toISOString();
    return { expiresAt, renewsAt: new Date(this.#dueMs()).toISOString(), fault: this.#fault };
  }

  async run(): Promise<void> {
    const { host, signal } = this.#options;
    while (!signal.aborted) {
      const pauseMs = this.#dueMs() - host.clock.nowMs();
      if (pauseMs > 0) await this.#sleep(Math.min(pauseMs, longestSleepMs));
      else await this.#attempt();
    }
    await this.#written;
  }

  /**
   * What the gateway says to trust from now on. Roots of which we know none are
   * refused: they may lock us out.
   */
  async trust(caPem: string): Promise<void> {
    // However fast they come, one is being written and the latest waits until the pace allows it.
    this.#wantedRoots = caPem;
    if (this.#isTrusting) return;
    this.#isTrusting = true;
    try {
      while (this.#wantedRoots !== undefined && this.#wantedRoots !== this.#identity.caPem) {
        await this.#pace();
        if (this.#options.signal.aborted) return;
        await this.#trust(this.#take());
      }
      this.#take();
    } finally {
      this.#isTrusting = false;
    }
  }

  async #pace(): Promise<void> {
    const { clock } = this.#options.host;
    this.#rootsBucket ??= new TokenBucket(rootsPace, clock.monotonicMs());
    while (!this.#options.signal.aborted && !this.#rootsBucket.take(1, clock.monotonicMs())) {
      const pauseMs = this.#rootsBucket.waitMs(1, clock.monotonicMs());
      await clock.sleep(pauseMs, this.#options.signal).catch(() => undefined);
    }
  }

  #take(): string | undefined {
    const wanted = this.#wantedRoots;
    this.#wantedRoots = undefined;
    return wanted;
  }

  async #trust(caPem: string | undefined): Promise<void> {
    const { logger, onTrust } = this.#options;
    const before = this.#identity.caPem;
    if (caPem === undefined || caPem === before) return;
    try {
      const known = new Set(rootsOf(before).map(({ fingerprint256 }) => fingerprint256));
      if (!rootsOf(caPem).some(({ fingerprint256 }) => known.has(fingerprint256))) {
        throw new Fault('PEER_ANSWER_UNKNOWN', { code: 'roots of which none is known' });
      }
      await this.#become((identity) => ({ ...identity, caPem }));
    } catch (error) {
      // It is sent again with the next session; until then the old roots stay.
      if (this.#repeats.isNew('roots', this.#options.host.clock.monotonicMs()))
        logger.error({ error }, 'the roots that the gateway sent are not used');
      return;
    }
    logger.info('the gateway trusts other roots now');
    onTrust(this.#identity);
    this.#wake();
  }

  #dueMs(): number {
    const nowMs = this.#options.host.clock.nowMs();
    // A moment that is still to come is of a clock that was ahead, and has been set back.
    const renewedAtMs = (this.#renewedAtMs ?? 0) > nowMs ? undefined : this.#renewedAtMs;
    return renewAtMs({
      ...this.#validity,
      rootChangedAtMs: this.#rootChangedAtMs,
      failures: this.#failedAtMs > nowMs ? 0 : this.#failures,
      failedAtMs: this.#failedAtMs,
      renewedAtMs,
      jitter: this.#jitter,
    });
  }

  async #attempt(): Promise<void> {
    const { host, nodeName, renew, onRenewed, logger, signal } = this.#options;
    const { keyPem } = this.#identity;
    try {
      const { certificatePem, caPem } = await renew(await createCertificateRequest(keyPem, nodeName));
      if (!belongsTo(certificatePem, keyPem) || !isSignedBy(certificatePem, rootsOf(caPem)[0])) {
        throw new Fault('PEER_ANSWER_UNKNOWN', { code: 'a certificate that is not of our key and its CA' });
      }
      await this.#become(() => ({ keyPem, certificatePem, caPem }));
      this.#fault = '';
      this.#jitter = this.#random();
      this.#pauseAfterSuccess();
      logger.info({ expiresAt: this.status.expiresAt }, 'certificate renewed');
      onRenewed(this.#identity);
    } catch (error) {
      if (signal.aborted) return;
      // Also a full disk: the certificate at hand is good for a while yet.
      const code = error instanceof Fault ? error.code : 'UNEXPECTED';
      this.#failures += 1;
      this.#failedAtMs = host.clock.nowMs();
      this.#jitter = this.#random();
      this.#fault = `${code}: ${(error as Error).message}`;
      logger.warn({ code, detail: (error as Error).message }, 'certificate not renewed');
    }
  }

  /** One that is due when it comes is used, and the next is asked for as if it had been refused. */
  #pauseAfterSuccess(): void {
    const nowMs = this.#options.host.clock.nowMs();
    const failures = this.#failures;
    this.#failures = 0;
    this.#renewedAtMs = undefined;
    const isDue = this.#dueMs() <= nowMs;
    this.#renewedAtMs = nowMs;
    if (!isDue) return;
    this.#failures = failures + 1;
    this.#failedAtMs = nowMs;
  }

  /** On the disk first: whoever asks for the identity then gets one that survives a crash. */
  #become(change: (identity: Identity) => Identity): Promise<void> {
    const write = async () => {
      const next = change(this.#identity);
      await writeIdentity(this.#options.host, next);
      this.#identity = next;
      this.#validity = validityOf(next.certificatePem);
      this.#lookAtRoots();
    };
    const written = this.#written.then(write);
    this.#written = written.catch(() => undefined);
    return written;
  }

  #lookAtRoots(): void {
    const { certificatePem, caPem } = this.#identity;
    const current = isSignedBy(certificatePem, rootsOf(caPem)[0]);
    this.#rootChangedAtMs = current ? undefined : this.#options.host.clock.nowMs();
  }

  async #sleep(milliseconds: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const signal = AbortSignal.any([woken.signal, this.#options.signal]);
    await this.#options.host.clock.sleep(milliseconds, signal).catch(() => undefined);
    this.#wake = () => undefined;
  }
}
