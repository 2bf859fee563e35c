// What the gateway asks of Kubernetes, as an interface: client.ts is the real one, tests have one in memory
// with the same rules for resourceVersion, finalizers and name conflicts. A request that fails throws a
// KubernetesFailure (the API server answered) or the Fault KUBERNETES_UNREACHABLE (it did not).
import type { Kind, KubernetesObject } from './kinds.ts';

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export type PatchType = 'merge' | 'json' | 'strategic';

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }
  | {
      /** It has changed; how, was not read: it is too large, or changes too fast. */
      readonly type: 'UNREAD';
      readonly isDeleted: boolean;
      readonly name: string;
      readonly namespace: string | undefined;
      readonly resourceVersion: string | undefined;
    };

export interface Kubernetes {
  /** undefined when there is no such object. */
  get<T extends KubernetesObject>(kind: Kind<T>, name: string, namespace?: string): Promise<T | undefined>;
  /**
   * `keep`: of each object what is to be kept, undefined: nothing; the rest is given up before the next page
   * comes. `mostBytes`: more than that is an answer that can't be had.
   */
  list<T extends KubernetesObject>(
    kind: Kind<T>,
    options?: ListOptions & { readonly keep?: (object: T) => T | undefined; readonly mostBytes?: number },
  ): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }>;
  create<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<T>;
  /** With metadata.resourceVersion: a conflict when somebody else was faster. */
  replace<T extends KubernetesObject>(kind: Kind<T>, object: T, subresource?: string): Promise<T>;
  patch<T extends KubernetesObject>(
    kind: Kind<T>,
    name: string,
    patch: unknown,
    options?: { namespace?: string; subresource?: string; type?: PatchType },
  ): Promise<T>;
  /** Server-side apply, with force: these fields are ours. */
  apply<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<T>;
  /** False when it was not there; with `uid` only that very object is deleted. */
  remove<T extends KubernetesObject>(
    kind: Kind<T>,
    name: string,
    options?: { namespace?: string; uid?: string },
  ): Promise<boolean>;
  /** Ends when the API server ends it (always, at some time) or with the signal. */
  watch<T extends KubernetesObject>(
    kind: Kind<T>,
    options: ListOptions & { resourceVersion: string; signal: AbortSignal },
  ): AsyncIterable<WatchEvent<T>>;
  /** What is no plain object: discovery, evictions. */
  request(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<unknown>;
}

export class KubernetesFailure extends Error {
  override readonly name = 'KubernetesFailure';
  readonly status: number;
  /** As the API server names it: NotFound, AlreadyExists, Conflict, Forbidden, Invalid, Expired, … */
  readonly reason: string;
  readonly request: string;
  /** What is behind it, where the API server says so: which disruption budget, which field. */
  readonly causes: readonly string[];

  constructor(failure: {
    status: number;
    reason: string;
    message: string;
    request: string;
    causes?: readonly string[];
  }) {
    super(failure.message);
    this.status = failure.status;
    this.reason = failure.reason;
    this.request = failure.request;
    this.causes = failure.causes ?? [];
  }
}

/** The cause of a KUBERNETES_UNREACHABLE: there is an answer, of more bytes than are read. */
export class AnswerTooLarge extends Error {
  override readonly name = 'AnswerTooLarge';
}

export function isTooLarge(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof AnswerTooLarge;
}

export function isFailure(error: unknown, ...reasons: readonly string[]): error is KubernetesFailure {
  return error instanceof KubernetesFailure && reasons.includes(error.reason);
}

/** Reads, changes and writes an object until nobody was faster; `change` returns undefined to leave it. */
export async function update<T extends KubernetesObject>(
  kubernetes: Kubernetes,
  kind: Kind<T>,
  key: { name: string; namespace?: string; subresource?: string },
  change: (object: T) => T | undefined,
): Promise<T | undefined> {
  for (let attempt = 1; ; attempt++) {
    const object = await kubernetes.get(kind, key.name, key.namespace);
    const changed = object && change(object);
    if (!changed) return object;
    try {
      return await kubernetes.replace(kind, changed, key.subresource);
    } catch (error) {
      if (!isFailure(error, 'Conflict') || attempt >= updateAttempts) throw error;
    }
  }
}

const updateAttempts = 20;
