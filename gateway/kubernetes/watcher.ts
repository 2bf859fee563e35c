// A live copy of all objects of one kind: list, then watch from there, for ever. A watch that ends goes on
// from its last version; one that is too old lists again; an API server that is away is asked again with
// full-jitter backoff. Listeners hear every change once, also the ones found by a new list.
import type { Kind, KubernetesObject } from './kinds.ts';
import { type Kubernetes, KubernetesFailure, type ListOptions } from './kubernetes.ts';
import { Unread, type UnreadPace } from './unread.ts';

export interface Change<T> {
  readonly name: string;
  readonly namespace: string | undefined;
  /** undefined: it is gone. */
  readonly object: T | undefined;
  readonly previous: T | undefined;
}

export interface WatcherOptions<T> {
  readonly select?: ListOptions;
  /** Of an object what is kept; undefined: it is as good as absent. */
  readonly keep?: (object: T) => T | undefined;
  readonly onError: (error: unknown) => void;
  /**
   * Once for an object whose changes are too large or too many: it is read at a pace, and known as it was.
   */
  readonly onUnread?: (name: string) => void;
  readonly unreadPace?: UnreadPace;
  readonly backoff?: { readonly firstMs: number; readonly lastMs: number };
}

export class Watcher<T extends KubernetesObject> {
  readonly #kubernetes: Kubernetes;
  readonly #kind: Kind<T>;
  readonly #options: WatcherOptions<T>;
  readonly #objects = new Map<string, T>();
  readonly #listeners: ((change: Change<T>) => void)[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #unread: Unread;
  #synced = false;

  constructor(kubernetes: Kubernetes, kind: Kind<T>, options: WatcherOptions<T>) {
    this.#kubernetes = kubernetes;
    this.#kind = kind;
    this.#options = options;
    this.#unread = new Unread({
      read: async (name, namespace) => {
        const object = await kubernetes.get(kind, name, namespace);
        // Gone: its event is on the way.
        return () => object && this.#take(object.metadata, this.#kept(object));
      },
      onError: options.onError,
      tell: (name) => options.onUnread?.(name),
      pace: options.unreadPace,
    });
  }

  /** Resolves after the first complete list. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get synced(): boolean {
    return this.#synced;
  }

  get(name: string, namespace?: string): T | undefined {
    return this.#objects.get(keyOf(name, namespace));
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  onChange(listener: (change: Change<T>) => void): void {
    this.#listeners.push(listener);
  }

  /** Runs until the signal; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { firstMs, lastMs } = this.#options.backoff ?? { firstMs: 200, lastMs: 20_000 };
    let resourceVersion: string | undefined;
    let failures = 0;
    while (!signal.aborted) {
      try {
        resourceVersion ??= await this.#list();
        for await (const event of this.#kubernetes.watch(this.#kind, {
          ...this.#options.select,
          resourceVersion,
          signal,
        })) {
          failures = 0;
          if (event.type === 'BOOKMARK') resourceVersion = event.resourceVersion;
          else if (event.type === 'UNREAD') {
            resourceVersion = event.resourceVersion ?? resourceVersion;
            const key = keyOf(event.name, event.namespace);
            if (!event.isDeleted) this.#unread.add(key, event, signal);
            else {
              this.#unread.drop(key, true);
              this.#take(event, undefined);
            }
          } else {
            const { name, namespace } = event.object.metadata;
            this.#unread.drop(keyOf(name, namespace), event.type === 'DELETED');
            resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
            this.#take(
              event.object.metadata,
              event.type === 'DELETED' ? undefined : this.#kept(event.object),
            );
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        // 410: that version is gone from etcd's history; only a new list helps.
        if (error instanceof KubernetesFailure) resourceVersion = undefined;
        else if (failures > 3) resourceVersion = undefined;
        if (!(error instanceof KubernetesFailure && error.status === 410)) this.#options.onError(error);
        await pause(Math.random() * Math.min(lastMs, firstMs * 2 ** failures), signal);
      }
    }
  }

  async #list(): Promise<string> {
    const { select, keep } = this.#options;
    const options = { ...select, ...(keep && { keep }) };
    const { items, resourceVersion } = await this.#kubernetes.list(this.#kind, options);
    this.#unread.clear();
    const gone = new Map(this.#objects);
    for (const item of items) {
      gone.delete(keyOf(item.metadata.name, item.metadata.namespace));
      this.#take(item.metadata, item);
    }
    for (const object of gone.values()) this.#take(object.metadata, undefined);
    this.#synced = true;
    this.#ready.resolve();
    return resourceVersion;
  }

  #kept(object: T): T | undefined {
    const { keep } = this.#options;
    return keep ? keep(object) : object;
  }

  #take({ name, namespace }: { name: string; namespace?: string | undefined }, object: T | undefined): void {
    const key = keyOf(name, namespace);
    const previous = this.#objects.get(key);
    if (object) this.#objects.set(key, object);
    else this.#objects.delete(key);
    if (previous?.metadata.resourceVersion === object?.metadata.resourceVersion) return;
    for (const listener of this.#listeners) listener({ name, namespace, object, previous });
  }
}

function keyOf(name: string, namespace: string | undefined): string {
  return namespace ? `${namespace}/${name}` : name;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
