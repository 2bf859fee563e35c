// Keeps the node's certificate good for as long as the agent runs: a new one at two thirds of the life of the
// one at hand, for the same key, written to the disk before anything uses it. One that expired while the host
// was off is renewed first of all. When is a pure function of the certificate and the clock; a clock that
// jumps is noticed within a minute.
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { RenewResponse } from '../../protocol/messages/join.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
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
const toldOnceIn = { intervalMs: 60_000, remembered: 10 };

export interface RenewalFacts extends Validity {
  /** When the roots began to be others than the one that signed this certificate. */
  readonly rootChangedAtMs?: number | undefined;
  readonly failures: number;
  readonly failedAtMs: number;
  /** 0 ≤ jitter < 1, drawn once per certificate, so that nodes that joined together renew apart. */
  readonly jitter: number;
}

/** When to ask for the next certificate. */
export function renewAtMs(facts: RenewalFacts): number {
  const { notBeforeMs, notAfterMs, rootChangedAtMs, failures, failedAtMs, jitter } = facts;
  const lifeMs = notAfterMs - notBeforeMs;
  const twoThirdsMs = notBeforeMs + lifeMs * (2 / 3 - jitter / 20);
  const spreadMs = Math.min(longestSpreadMs, lifeMs / 10) * jitter;
  const dueMs =
    rootChangedAtMs === undefined ? twoThirdsMs : Math.min(twoThirdsMs, rootChangedAtMs + spreadMs);
  if (failures === 0) return dueMs;
  return Math.max(dueMs, failedAtMs + retryPauseMs(facts));
}

function retryPauseMs({ notBeforeMs, notAfterMs, failures, failedAtMs, jitter }: RenewalFacts): number {
  const isExpired = failedAtMs >= notAfterMs;
  const capMs = isExpired ? longestPauseExpiredMs : Math.min(longestPauseMs, (notAfterMs - notBeforeMs) / 20);
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
  #fault = '';
  #wake: () => void = () => undefined;
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
    // However fast they come, one is being written and the latest waits.
    this.#wantedRoots = caPem;
    if (this.#isTrusting) return;
    this.#isTrusting = true;
    try {
      for (let wanted = this.#take(); wanted !== undefined; wanted = this.#take()) await this.#trust(wanted);
    } finally {
      this.#isTrusting = false;
    }
  }

  #take(): string | undefined {
    const wanted = this.#wantedRoots;
    this.#wantedRoots = undefined;
    return wanted;
  }

  async #trust(caPem: string): Promise<void> {
    const { logger, onTrust } = this.#options;
    const before = this.#identity.caPem;
    if (caPem === before) return;
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
    return renewAtMs({
      ...this.#validity,
      rootChangedAtMs: this.#rootChangedAtMs,
      failures: this.#failures,
      failedAtMs: this.#failedAtMs,
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
      this.#failures = 0;
      this.#fault = '';
      this.#jitter = this.#random();
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
