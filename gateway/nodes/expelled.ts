// Names whose Nodes are nobody's: hosts that were removed because they mean harm, and have a kubelet's
// certificate for as long as the cluster's CA gave it. An administrator lists them (regnodectl node expel) in
// the ConfigMap regnode-system/regnode-expelled-nodes, each with the time until which it counts. A Node of
// such a name that no registration owns is deleted whenever it appears, and keeps nothing from anybody. No
// host joins under such a name: that certificate would be good for it, and for the Secrets of its pods. Names
// get here by no other way: one who joins and leaves under the name that a cloud node will have must not rid
// that node of what protects its addresses.
import type { Logger } from 'pino';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import type { Audit } from '../audit/audit.ts';
import { configMaps, type NodeObject, nodes } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';
import type { Change } from '../kubernetes/watcher.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';

export const expelledConfigMap = 'regnode-expelled-nodes';

const everyMs = 10_000;
/** A host that makes its Node again and again costs a deletion a second. */
const againMs = 1_000;

export interface ExpelledNodesOptions {
  readonly kubernetes: Kubernetes;
  readonly registered: { get(name: string): RegisteredNode | undefined };
  readonly nodes: {
    get(name: string): NodeObject | undefined;
    onChange(listener: (change: Change<NodeObject>) => void): void;
  };
  readonly audit: Pick<Audit, 'record'>;
  readonly logger: Logger;
  readonly now: () => number;
}

export class ExpelledNodes {
  readonly #options: ExpelledNodesOptions;
  readonly #listeners: (() => void)[] = [];
  readonly #told = new RepeatFilter({ intervalMs: 60_000, remembered: 1_000 });
  /** Name → when it ends; NaN: no time that can be read, so it does not. */
  #until: Readonly<Record<string, string>> | undefined;
  #untilMs: ReadonlyMap<string, number> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: ExpelledNodesOptions) {
    this.#options = options;
    options.nodes.onChange(({ name, object, previous }) => {
      if (object && object.metadata.uid !== previous?.metadata.uid && this.has(name)) this.#schedule(againMs);
    });
  }

  /** Expelled, and no host has joined under the name since. */
  has(name: string): boolean {
    const { registered, now } = this.#options;
    const untilMs = this.#untilMs.get(name);
    if (untilMs === undefined || untilMs <= now()) return false;
    return registered.get(name)?.status?.joinedAt === undefined;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Reads the list, deletes what is on it; then again and again until it is stopped. Never throws. */
  async start(): Promise<void> {
    await this.#guarded();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async round(): Promise<void> {
    const list = await this.#options.kubernetes.get(configMaps, expelledConfigMap, gatewayNamespace);
    this.#read(list?.data ?? {});
    for (const listener of this.#listeners) listener();
    for (const name of this.#untilMs.keys()) if (this.has(name)) await this.#expel(name);
  }

  /** What was put on the list and taken off it, by whoever may write it, is in the audit. */
  #read(data: Readonly<Record<string, string>>): void {
    const before = this.#until;
    this.#until = data;
    this.#untilMs = new Map(Object.entries(data).map(([name, until]) => [name, Date.parse(until)] as const));
    if (before === undefined) return;
    for (const name of new Set([...Object.keys(before), ...Object.keys(data)])) {
      if (before[name] === data[name]) continue;
      const outcome = data[name] === undefined ? 'undone' : 'listed';
      this.#options.audit.record({ event: 'expulsion', node: name, outcome, until: data[name] ?? null });
    }
  }

  async #expel(name: string): Promise<void> {
    const { kubernetes, audit, logger, now } = this.#options;
    const uid = this.#options.nodes.get(name)?.metadata.uid;
    if (uid === undefined) return;
    try {
      if (!(await kubernetes.remove(nodes, name, { uid }))) return;
    } catch (error) {
      // Another Node has the name by now, which leads here again.
      if (!isFailure(error, 'Conflict')) throw error;
      return;
    }
    const news = this.#told.news(name, now());
    if (news === undefined) return;
    audit.record({ event: 'expulsion', node: name, nodeUid: uid, ...news });
    logger.warn({ node: name, ...news }, 'the Node of an expelled host was deleted');
  }

  async #guarded(): Promise<void> {
    try {
      await this.round();
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'expelled nodes could not be looked at, trying again');
    }
    this.#schedule(everyMs);
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#running = this.#guarded();
    }, delayMs);
    this.#timer.unref();
  }
}
