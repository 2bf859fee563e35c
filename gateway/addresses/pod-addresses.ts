// Pods of the cloud by their addresses. The API server finds a pod by the first of its addresses alone; the
// second one of a dual-stack pod is found by reading all pods, a page at a time, of which nothing is kept but
// those that were asked for. That is dear, so it is done for addresses of the other family alone, and all who
// ask while one reading runs, or soon after one began, share the next. What a registered kubelet says of its
// pods is no evidence against anybody, so pods of registered nodes hold nothing.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Pod, pods } from '../kubernetes/kinds.ts';
import { isTooLarge, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { canonicalAddress } from '../resources/address.ts';
import type { Holder } from './claims.ts';

export type Family = 4 | 6;

/** Between the beginnings of two readings of all pods, however many nodes name new addresses. */
const readingEveryMs = 2_000;

/** One address has one pod, some more of the host's network, and some that have ended. */
const podsOfAddressLimitBytes = 4 * 1024 * 1024;
/** A kubelet writes as many pods with one address as it likes: then nobody gets it. */
const tooManyPods = { kind: 'Pod', sinceMs: Number.POSITIVE_INFINITY } as const;

export interface PodAddressesOptions {
  readonly kubernetes: Kubernetes;
  readonly isRegistered: (node: string) => boolean;
  readonly readingEveryMs?: number;
}

export class PodAddresses {
  readonly #options: PodAddressesOptions;
  /** The last one, and the pause after its beginning. */
  #reading: Promise<unknown> | undefined;
  #next: { readonly addresses: Set<string>; readonly pods: Promise<readonly Pod[]> } | undefined;

  constructor(options: PodAddressesOptions) {
    this.#options = options;
  }

  /** By the first address of a pod. */
  async byFirst(addresses: readonly string[]): Promise<ReadonlyMap<string, readonly Holder[]>> {
    const found = new Map<string, readonly Holder[]>();
    for (const address of addresses) {
      const holders = await this.#holdersByFirst(address);
      if (holders.length > 0) found.set(address, holders);
    }
    return found;
  }

  async #holdersByFirst(address: string): Promise<readonly Holder[]> {
    const fieldSelector = `status.podIP=${address}`;
    const keep = (pod: Pod) => (this.#holds(pod) ? pod : undefined);
    try {
      const options = { fieldSelector, keep, mostBytes: podsOfAddressLimitBytes };
      return (await this.#options.kubernetes.list(pods, options)).items.map(podHolder);
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      return [{ ...tooManyPods, name: `with more than can be read of status.podIP=${address}` }];
    }
  }

  /**
   * By any address; `first` is the family of most pods' first ones, whose addresses are not looked for here.
   */
  async bySecond(
    addresses: readonly string[],
    first: Family,
  ): Promise<ReadonlyMap<string, readonly Holder[]>> {
    const wanted = addresses.filter((address) => (address.includes(':') ? 6 : 4) !== first);
    if (wanted.length === 0) return new Map();
    const found = await this.#read(wanted);
    const holdersOf = (address: string) =>
      found.filter((pod) => addressesOf(pod).includes(address)).map(podHolder);
    return new Map(wanted.map((address) => [address, holdersOf(address)]));
  }

  /** A reading that begins after this was asked for. */
  #read(addresses: readonly string[]): Promise<readonly Pod[]> {
    if (this.#next === undefined) {
      const all = new Set<string>();
      const begin = () => {
        this.#next = undefined;
        const pods = this.#list(all);
        const reading = Promise.allSettled([pods, this.#pause()]).then(() => {
          if (this.#reading === reading) this.#reading = undefined;
        });
        this.#reading = reading;
        return pods;
      };
      this.#next = { addresses: all, pods: (this.#reading ?? Promise.resolve()).then(begin, begin) };
    }
    for (const address of addresses) this.#next.addresses.add(address);
    return this.#next.pods;
  }

  #pause(): Promise<void> {
    return sleep(this.#options.readingEveryMs ?? readingEveryMs, undefined, { ref: false });
  }

  async #list(addresses: ReadonlySet<string>): Promise<readonly Pod[]> {
    const keep = (pod: Pod) =>
      this.#holds(pod) && addressesOf(pod).some((one) => addresses.has(one)) ? pod : undefined;
    return (await this.#options.kubernetes.list(pods, { keep })).items;
  }

  #holds({ spec, status }: Pod): boolean {
    const isOver = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    return !isOver && spec?.nodeName !== undefined && !this.#options.isRegistered(spec.nodeName);
  }
}

function addressesOf({ status }: Pod): readonly string[] {
  return (status?.podIPs ?? []).flatMap(({ ip }) => canonicalAddress(ip ?? '') ?? []);
}

/** A removed host's kubelet may write its old pods: they refuse joins, and take nothing from a node. */
function podHolder({ metadata: { name, namespace = '' } }: Pod): Holder {
  return { kind: 'Pod', name: `${namespace}/${name}`, sinceMs: Number.POSITIVE_INFINITY };
}
