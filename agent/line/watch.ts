// The daemon's looks at the line: a few small probes every minute, the path MTU and the way in now and then,
// never the throughput. It keeps the last measurement for whoever wants to show it; what is bad becomes a
// finding by the health model.
import type { DesiredState } from '../../protocol/messages/desired.ts';
import type { HealthSource } from '../health/condition.ts';
import type { Host } from '../host/host.ts';
import type { Identity } from '../identity/store.ts';
import type { LineMeasurement } from '../state/line-measurement.ts';
import { judge } from './judge.ts';
import { measureLine } from './netcheck.ts';

const everyMs = 60_000;
const count = 20;
const intervalMs = 50;
/** Of the looks; the first ones are spared, when a node has just begun and its network is being set up. */
const deepEvery = 15;
const firstDeep = 3;

export interface LineWatchOptions {
  readonly host: Host;
  readonly gatewayUrl: string;
  readonly identity: () => Identity;
  readonly desired: () => Pick<DesiredState, 'line' | 'network'>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export class LineWatch {
  readonly #options: LineWatchOptions;
  #latest: LineMeasurement | undefined;
  #looks = 0;
  readonly #kept = {};

  constructor(options: LineWatchOptions) {
    this.#options = options;
  }

  /** The last measurement; `pathMtu` and the way in are those of the last time that they were looked at. */
  get latest(): LineMeasurement | undefined {
    return this.#latest;
  }

  source(): HealthSource {
    return {
      name: 'line',
      everyMs,
      unsettledMs: 2_000,
      look: async (isVisible, signal) => {
        const seen = await this.#measure(signal);
        this.#latest = this.#latest ? withOlder(seen, this.#latest) : seen;
        return judge(seen, { network: this.#options.desired().network.mode, isVisible });
      },
    };
  }

  #measure(signal: AbortSignal): Promise<LineMeasurement> {
    const { host, gatewayUrl, identity, desired, environment } = this.#options;
    this.#looks += 1;
    const isDeep = this.#looks % deepEvery === firstDeep;
    return measureLine(host, {
      gatewayUrl,
      caPem: identity().caPem,
      identity: identity(),
      environment,
      thresholds: desired().line,
      count,
      intervalMs,
      withInward: isDeep,
      withPathMtu: isDeep,
      withThroughput: false,
      kept: this.#kept,
      signal,
    });
  }
}

function withOlder(seen: LineMeasurement, older: LineMeasurement): LineMeasurement {
  const { pathMtu = older.pathMtu, udp } = seen;
  const inward = udp?.outward === 'open' && udp.inward === 'unknown' ? older.udp?.inward : undefined;
  return { ...seen, ...(pathMtu && { pathMtu }), ...(udp && inward && { udp: { ...udp, inward } }) };
}
