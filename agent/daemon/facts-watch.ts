// Reports to the gateway what this host is and which addresses it has: at each connection, and after a
// change. It reads the addresses of the network cards every few seconds and everything else more rarely. A
// report that the gateway refuses is sent again, since the reason (another node, a range that is not
// declared) may be gone. Whoever depends on an address is told of a change at once.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { FactsResponse, HostFacts } from '../../protocol/messages/join.ts';
import { TokenBucket } from '../../protocol/rate/token-bucket.ts';
import type { Host } from '../host/host.ts';
import { gatherFacts } from '../identity/facts.ts';
import type { GatewayApi } from '../identity/gateway-api.ts';

const lookEveryMs = 5_000;
/** Of what no network card shows: a route, an upgraded release of the system. */
const gatherEveryMs = 5 * 60_000;
const againMs = 60_000;
/** An address that comes and goes is told a few times at once, then every half minute. */
const pace = { burst: 3, perSecond: 1 / 30 };

export interface FactsWatchOptions {
  readonly host: Host;
  readonly gatewayUrl: string;
  readonly gateway: Pick<GatewayApi, 'tellFacts'>;
  readonly isConnected: () => boolean;
  /** The address toward the gateway, which the kubelet is given, is another one. */
  readonly onMoved: () => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class FactsWatch {
  readonly #options: FactsWatchOptions;
  readonly #bucket: TokenBucket;
  #wake: () => void = () => undefined;
  #cards: readonly string[] | undefined;
  #facts: HostFacts | undefined;
  #gatheredAtMs = Number.NEGATIVE_INFINITY;
  /** What the gateway has heard on this connection; undefined: nothing. */
  #told: HostFacts | undefined;
  #askAgainAtMs = Number.POSITIVE_INFINITY;
  #lastFailure = '';
  #judged: FactsResponse | undefined;
  readonly #listeners: (() => void)[] = [];

  constructor(options: FactsWatchOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(pace, options.host.clock.monotonicMs());
  }

  /** What the gateway said last; undefined: nothing yet. */
  get judged(): FactsResponse | undefined {
    return this.#judged;
  }

  /** The gateway judges the addresses otherwise than before. */
  onJudged(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** A new connection: what was told on the last one may have been told to another gateway. */
  connected(): void {
    this.#told = undefined;
    this.#gatheredAtMs = Number.NEGATIVE_INFINITY;
    this.#wake();
  }

  async run(): Promise<void> {
    const { signal, host, logger } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#look();
        await this.#tell();
        this.#lastFailure = '';
      } catch (error) {
        this.#failed(error, logger);
      }
      await this.#pause(host);
    }
  }

  async #look(): Promise<void> {
    const { host, gatewayUrl, onMoved } = this.#options;
    const now = host.clock.monotonicMs();
    const cards = (await host.network.interfaces()).flatMap(({ name, addresses }) =>
      addresses.filter(isTold).map((address) => `${name} ${address}`),
    );
    const isSame = isDeepStrictEqual(cards, this.#cards);
    if (isSame && now - this.#gatheredAtMs < gatherEveryMs) return;
    // Without a route it throws, and looks again.
    const facts = await gatherFacts(host, gatewayUrl);
    const before = this.#facts?.addresses[0];
    this.#cards = cards;
    this.#facts = facts;
    this.#gatheredAtMs = now;
    if (before !== undefined && before !== facts.addresses[0]) {
      this.#options.logger.warn({ from: before, to: facts.addresses[0] }, 'this host has another address');
      onMoved();
    }
  }

  async #tell(): Promise<void> {
    const { host, gateway, isConnected, logger, signal } = this.#options;
    const now = host.clock.monotonicMs();
    const isDue = !isDeepStrictEqual(this.#facts, this.#told) || now >= this.#askAgainAtMs;
    if (this.#facts === undefined || !isDue || !isConnected() || !this.#bucket.take(1, now)) return;
    const facts = this.#facts;
    this.#askAgainAtMs = now + againMs;
    const judged = await gateway.tellFacts(facts, signal);
    this.#told = facts;
    this.#askAgainAtMs = judged.refused ? now + againMs : Number.POSITIVE_INFINITY;
    const isNews = !isDeepStrictEqual(judged, this.#judged);
    this.#judged = judged;
    if (!isNews) return;
    if (judged.refused) logger.error(judged, 'the address of this host is not its own');
    else logger.info(judged, 'facts and addresses are told');
    for (const listener of this.#listeners) listener();
  }

  #failed(error: unknown, logger: Logger): void {
    const { signal } = this.#options;
    if (signal.aborted) return;
    const detail = error instanceof Error ? error.message : String(error);
    // Without a way to the gateway it goes on for as long as that lasts: said once, and the
    // line's own codes say the rest.
    if (detail !== this.#lastFailure)
      logger.warn({ code: error instanceof Fault ? error.code : undefined, detail }, 'facts were not told');
    this.#lastFailure = detail;
  }

  async #pause(host: Host): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    const signal = AbortSignal.any([woken.signal, this.#options.signal]);
    await host.clock.sleep(lookEveryMs, signal).catch(() => undefined);
    this.#wake = () => undefined;
  }
}

/** Pods come and go with link-local ones. */
function isTold(address: string): boolean {
  return !address.startsWith('fe80:');
}
