// What Prometheus reads of the gateway and of nodes' own values, so that every value is to be had once,
// whichever replica is asked: a node's page comes from the replica that has its tunnel, a replica's own from
// itself. What another replica asks is answered from here alone.
import type { Registry } from 'prom-client';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { TelemetryIntake } from '../telemetry/intake.ts';

export interface MetricsPagesOptions {
  /** Name of this replica. */
  readonly self: string;
  readonly registry: Registry;
  readonly intake: Pick<TelemetryIntake, 'renderMetrics' | 'renderNode' | 'renderOwn'>;
  readonly isConnectedHere: (node: string) => boolean;
  /** The live replica that has the node's tunnel. */
  readonly holderOf: (node: string) => string | undefined;
  readonly replicas: () => readonly { readonly name: string }[];
  readonly ask: (replica: string, path: string) => Promise<string>;
}

const nodePath = /^\/nodes\/([^/]+)\/metrics$/;

export class MetricsPages {
  readonly contentType: string;
  readonly #options: MetricsPagesOptions;

  constructor(options: MetricsPagesOptions) {
    this.#options = options;
    this.contentType = options.registry.contentType;
  }

  /** This replica's own metrics, and all nodes whose tunnel is here. */
  async here(): Promise<string> {
    const { registry, intake } = this.#options;
    return `${await registry.metrics()}${intake.renderMetrics()}`;
  }

  /** A replica's own metrics. */
  async replica(name: string): Promise<string> {
    const { self, replicas, ask } = this.#options;
    if (name === self) return this.#own();
    if (replicas().some((replica) => replica.name === name)) return ask(name, '/metrics');
    throw new Fault('PATH_UNKNOWN', { method: 'GET', path: `/replicas/${name}/metrics` });
  }

  /** One node's values, without labels that say which node: those are the target's. */
  async node(name: string): Promise<string> {
    const { self, isConnectedHere, holderOf, ask } = this.#options;
    const holder = isConnectedHere(name) ? self : holderOf(name);
    if (holder !== undefined && holder !== self) return ask(holder, `/nodes/${name}/metrics`);
    return this.#nodeHere(name);
  }

  /** For another replica. */
  async answer(path: string): Promise<string> {
    if (path === '/metrics') return this.#own();
    const [, name] = nodePath.exec(path) ?? [];
    if (name === undefined) throw new Fault('PATH_UNKNOWN', { method: 'GET', path: path.slice(0, 120) });
    return this.#nodeHere(name);
  }

  async #own(): Promise<string> {
    const { registry, intake } = this.#options;
    return `${await registry.metrics()}${intake.renderOwn()}`;
  }

  /** What is still alive of a node that has just lost its tunnel is shown; then it is away. */
  #nodeHere(name: string): string {
    const { intake, isConnectedHere } = this.#options;
    const page = intake.renderNode(name);
    if (page === '' && !isConnectedHere(name)) throw new Fault('TUNNEL_NODE_NOT_CONNECTED', { node: name });
    return page;
  }
}
