// The drain of one node, for all who ask for it. Each of them says which pods it wants gone and how long it
// waits, and is answered for itself; the pods are listed and evicted once for all. An eviction that is
// refused, by a disruption budget or by anything else, is asked for again until the time of whoever waits is
// over. What stays is named with its reason: pods of DaemonSets and mirror pods always do.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { background } from '../../protocol/defect.ts';
import { type DrainResponse, stayReasons } from '../../protocol/messages/join.ts';
import type { Pod } from '../kubernetes/kinds.ts';
import { type Kubernetes, KubernetesFailure } from '../kubernetes/kubernetes.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import { AtOnce } from './at-once.ts';
import { cordon } from './cordon.ts';
import { evict, evictionVersion, podName, podsOn, sortOut } from './eviction.ts';

/** Times as long as a list took nothing is listed after it. */
const pausePerList = 10;

export interface DrainRequest {
  readonly timeoutMs: number;
  /** Pods that no controller would make again elsewhere are evicted only with this. */
  readonly evictUnmanaged: boolean;
  readonly progress?: (event: DrainProgress) => void;
}

export type DrainProgress =
  | { readonly kind: 'cordoned' }
  | { readonly kind: 'evicting'; readonly pods: readonly string[] }
  | { readonly kind: 'gone'; readonly pod: string; readonly left: number }
  | { readonly kind: 'refused'; readonly pod: string; readonly reason: string };

export interface NodeDrainOptions {
  /** Shared by the drains of a process: how many requests of theirs are under way. */
  readonly requests?: AtOnce | undefined;
  readonly now?: (() => number) | undefined;
  readonly pollMs?: number | undefined;
}

interface Asker {
  readonly request: DrainRequest;
  readonly deadline: number;
  readonly answer: PromiseWithResolvers<DrainResponse>;
  /** Since it was first looked at for it. */
  seen?: { readonly waiting: Map<string, Pod>; readonly stay: DrainResponse['remainingPods'] };
  readonly evictedPods: string[];
}

export class NodeDrain {
  readonly #kubernetes: Kubernetes;
  readonly #nodeName: string;
  readonly #options: { requests: AtOnce; now: () => number; pollMs: number };
  readonly #askers = new Set<Asker>();
  /** Pods whose eviction was taken, and why those of others were not. */
  readonly #accepted = new Set<string>();
  readonly #refusals = new Map<string, string>();
  #apiVersion: string | undefined;
  #underWay = 0;
  /** How long the last list of its pods took. */
  #listMs = 0;
  #isRunning = false;
  #isStopped = false;
  #wake: () => void = () => undefined;

  constructor(
    kubernetes: Kubernetes,
    nodeName: string,
    { requests = new AtOnce(1), now = Date.now, pollMs = 1000 }: NodeDrainOptions = {},
  ) {
    this.#kubernetes = kubernetes;
    this.#nodeName = nodeName;
    this.#options = { requests, now, pollMs };
  }

  /** Nobody waits for it. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** Cordons and evicts; answers when all is gone that was to go, or at the time limit. */
  async ask(registered: RegisteredNode, request: DrainRequest): Promise<DrainResponse> {
    const { now, requests } = this.#options;
    const deadline = now() + request.timeoutMs;
    this.#underWay += 1;
    try {
      const isThere = await requests.run(() => cordon(this.#kubernetes, registered));
      if (!isThere) return { evictedPods: [], remainingPods: [] };
      request.progress?.({ kind: 'cordoned' });
      const answer = Promise.withResolvers<DrainResponse>();
      this.#askers.add({ request, deadline, answer, evictedPods: [] });
      if (this.#isRunning) this.#wake();
      else background('drain', this.#run());
      return await answer.promise;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Whoever waits is answered with what stays by now. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (;;) {
      try {
        await this.#round();
      } catch (error) {
        this.#failed(error);
      }
      if (this.#askers.size === 0) break;
      await this.#pause();
    }
    this.#isRunning = false;
  }

  /** Whoever has come meanwhile, or comes now, is looked at at once. */
  async #pause(): Promise<void> {
    if (this.#isStopped || [...this.#askers].some(({ seen }) => seen === undefined)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, this.#pauseMs());
    await promise;
    clearTimeout(timer);
  }

  /**
   * A list that is dear (a kubelet makes large pods of its own) is made less often; nobody is answered late.
   */
  #pauseMs(): number {
    const { now, pollMs } = this.#options;
    const untilDeadline = Math.min(...[...this.#askers].map(({ deadline }) => deadline)) - now();
    return Math.max(pollMs, Math.min(this.#listMs * pausePerList, untilDeadline));
  }

  async #round(): Promise<void> {
    const strangers = [...this.#askers].filter(({ seen }) => seen === undefined);
    if (strangers.length > 0) {
      const all = await this.#pods();
      for (const asker of strangers) meet(asker, all);
    }
    await this.#evictAll();
    const left = new Set((await this.#pods()).map(({ metadata }) => metadata.uid ?? ''));
    for (const asker of this.#askers) this.#settle(asker, left);
  }

  async #evictAll(): Promise<void> {
    const isPast = () =>
      this.#options.now() >= Math.max(...[...this.#askers].map(({ deadline }) => deadline));
    for (const [uid, pod] of this.#waiting()) {
      if (this.#accepted.has(uid)) continue;
      // Each is asked about once at least; who takes long with many of them takes nobody's time limit.
      if (this.#refusals.has(uid) && isPast()) continue;
      this.#apiVersion ??= await this.#request(() => evictionVersion(this.#kubernetes));
      const version = this.#apiVersion;
      const refusal = await this.#request(() => evict(this.#kubernetes, pod, version));
      if (refusal === undefined) {
        this.#accepted.add(uid);
        this.#refusals.delete(uid);
      } else if (this.#refusals.get(uid) !== refusal) {
        this.#refusals.set(uid, refusal);
        const event = { kind: 'refused', pod: podName(pod), reason: refusal } as const;
        for (const { request, seen } of this.#askers) if (seen?.waiting.has(uid)) request.progress?.(event);
      }
    }
  }

  #waiting(): ReadonlyMap<string, Pod> {
    return new Map([...this.#askers].flatMap(({ seen }) => [...(seen?.waiting ?? [])]));
  }

  #settle(asker: Asker, left: ReadonlySet<string>): void {
    const { seen, request, deadline, evictedPods } = asker;
    if (seen === undefined) return;
    const { waiting, stay } = seen;
    for (const [uid, pod] of waiting) {
      if (left.has(uid)) continue;
      waiting.delete(uid);
      evictedPods.push(podName(pod));
      request.progress?.({ kind: 'gone', pod: podName(pod), left: waiting.size });
    }
    const isOver = this.#options.now() >= deadline || this.#isStopped;
    if (waiting.size > 0 && !isOver) return;
    const reasonOf = (uid: string) => this.#refusals.get(uid) ?? stayReasons.terminating;
    const remaining = [...waiting].map(([uid, pod]) => ({ pod: podName(pod), reason: reasonOf(uid) }));
    this.#askers.delete(asker);
    asker.answer.resolve({ evictedPods, remainingPods: [...stay, ...remaining] });
  }

  /**
   * The pods could not be listed. Who has just come hears that at once; of a drain that goes on it may pass.
   */
  #failed(error: unknown): void {
    const mayPass = error instanceof KubernetesFailure || error instanceof Fault;
    for (const asker of this.#askers) {
      const isOver = this.#options.now() >= asker.deadline || this.#isStopped;
      if (mayPass && asker.seen !== undefined && !isOver) continue;
      this.#askers.delete(asker);
      asker.answer.reject(error);
    }
  }

  #pods(): Promise<readonly Pod[]> {
    const { now } = this.#options;
    return this.#request(async () => {
      const startedMs = now();
      try {
        return await podsOn(this.#kubernetes, this.#nodeName);
      } finally {
        this.#listMs = now() - startedMs;
      }
    });
  }

  #request<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.requests.run(work);
  }
}

function meet(asker: Asker, all: readonly Pod[]): void {
  const { evict: waiting, stay } = sortOut(all, asker.request.evictUnmanaged);
  asker.seen = { waiting, stay };
  if (waiting.size === 0) return;
  asker.request.progress?.({ kind: 'evicting', pods: [...waiting.values()].map(podName) });
}
