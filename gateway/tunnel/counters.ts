// What the gateway counts about its tunnels, for the metrics page. What is refused is counted by
// kind, all of it; told (logged and audited) is the first of a kind and node in each minute, with how
// many were only counted since.
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';

/**
 * A violation ends a stream or a session, a handshake failed before there was one, an
 * upgrade before there was a tunnel.
 */
export type Refusal = 'violations' | 'handshakesFailed' | 'upgradesRefused';

export interface HubCounters extends Record<Refusal, number> {
  sessionsBegun: number;
  resumptions: number;
  /** Another process with the same certificate replaced the session: a restart, or a copied machine. */
  takeovers: number;
  staleConnections: number;
  /** CONTROL messages of a kind that only a later release knows: left at that, and no fault of the node. */
  unknownMessages: number;
  readonly kinds: Readonly<Record<Refusal, Map<string, number>>>;
}

export const newHubCounters = (): HubCounters => ({
  sessionsBegun: 0,
  resumptions: 0,
  takeovers: 0,
  staleConnections: 0,
  unknownMessages: 0,
  handshakesFailed: 0,
  upgradesRefused: 0,
  violations: 0,
  kinds: { violations: new Map(), handshakesFailed: new Map(), upgradesRefused: new Map() },
});

export interface RefusalRecord {
  readonly node: string;
  readonly refusal: Refusal;
  readonly kind: string;
  readonly detail: string;
  /** As many of this kind by this node were not told since the last record. */
  readonly unsaid: number;
}

const repeatedMs = 60_000;
const rememberedKinds = 10_000;

export class RefusalCounter {
  readonly #counters: HubCounters;
  readonly #nowMs: () => number;
  readonly #tell: (record: RefusalRecord) => void;
  readonly #repeats = new RepeatFilter({ intervalMs: repeatedMs, remembered: rememberedKinds });

  constructor(counters: HubCounters, nowMs: () => number, tell: (record: RefusalRecord) => void) {
    this.#counters = counters;
    this.#nowMs = nowMs;
    this.#tell = tell;
  }

  count(refusal: Refusal, node: string, kind: string, detail: string): void {
    const kinds = this.#counters.kinds[refusal];
    this.#counters[refusal] += 1;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    const news = this.#repeats.news(`${node} ${refusal} ${kind}`, this.#nowMs());
    if (news) this.#tell({ node, refusal, kind, detail, ...news });
  }
}
