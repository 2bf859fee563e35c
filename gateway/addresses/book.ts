// Who has which name and address, as far as this replica knows: registrations and Nodes by its live copies,
// Services and endpoints as they were read last, the gateway and the API server. Of a registered node the
// registration counts, and nothing that its kubelet writes into its Node: a kubelet could take an address
// away from another node by naming it there.

import { isDeepStrictEqual } from 'node:util';
import { defaultPodCidr } from '../../protocol/settings/network.ts';
import type { NodeObject } from '../kubernetes/kinds.ts';
import type { Change } from '../kubernetes/watcher.ts';
import { type AddressRange, canonicalAddress, parseRange } from '../resources/address.ts';
import type { PoolObject } from '../resources/node-pool.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import {
  addressObjection,
  type Claimant,
  type Claims,
  type HeldRange,
  type Holder,
  nameObjection,
} from './claims.ts';
import type { ClusterAddresses, ClusterSnapshot } from './cluster-addresses.ts';
import { HolderIndex } from './holder-index.ts';
import type { OwnAddresses } from './own-addresses.ts';

interface Live<T> {
  get(name: string): T | undefined;
  values(): Iterable<T>;
  onChange(listener: (change: Change<T>) => void): void;
}

export interface BookOptions {
  readonly registered: Live<RegisteredNode>;
  readonly nodes: Live<NodeObject>;
  readonly pools: Pick<Live<PoolObject>, 'values' | 'onChange'>;
  readonly cluster: Pick<ClusterAddresses, 'latest' | 'fresh' | 'readNow' | 'pods'>;
  readonly own: Pick<OwnAddresses, 'refresh' | 'holders'>;
  /** Names whose Nodes have nothing, and which no host gets. */
  readonly expelled?: { has(name: string): boolean; onChange(listener: () => void): void };
}

export class AddressBook {
  readonly #options: BookOptions;
  readonly #registered = new HolderIndex();
  readonly #nodes = new HolderIndex();
  readonly #podRanges = new Map<string, readonly AddressRange[]>();
  /** Of pools and Nodes; made anew after any of them has changed. */
  #ranges: readonly HeldRange[] | undefined;

  constructor(options: BookOptions) {
    this.#options = options;
    const { registered, nodes, pools } = options;
    registered.onChange(({ name, object, previous }) => {
      this.#registered.set(name, object ? registeredKeys(object) : []);
      if (object?.status?.joinedAt === undefined || previous?.status?.joinedAt === undefined)
        this.#ranges = undefined;
    });
    pools.onChange(() => {
      this.#ranges = undefined;
    });
    options.expelled?.onChange(() => {
      this.#ranges = undefined;
    });
    nodes.onChange(({ name, object, previous }) => {
      this.#nodes.set(name, object ? nodeKeys(object) : []);
      const isSame = object?.metadata.uid === previous?.metadata.uid;
      if (isSame && isDeepStrictEqual(podCidrsOf(object), podCidrsOf(previous))) return;
      this.#podRanges.set(
        name,
        podCidrsOf(object).flatMap((text) => parseRange(text) ?? []),
      );
      if (object === undefined) this.#podRanges.delete(name);
      this.#ranges = undefined;
    });
  }

  /** As it is known without asking anybody: for each CONNECT and each report. */
  get known(): Claims {
    return this.#claims(this.#options.cluster.latest, new Map());
  }

  /**
   * With Services and endpoints as they are now, and the pods that have one of `added`: for a
   * join, which makes an address somebody's. Pods take nothing from a node that has it, so they
   * are read for no other address.
   */
  current(added: readonly string[]): Promise<Claims> {
    return this.#read(this.#options.cluster.readNow(), added);
  }

  /**
   * With Services and endpoints as they were some seconds ago: for a certificate, of addresses that it has.
   */
  recent(): Promise<Claims> {
    return this.#read(this.#options.cluster.fresh(), []);
  }

  async #read(reading: Promise<ClusterSnapshot>, added: readonly string[]): Promise<Claims> {
    const { cluster, own } = this.#options;
    const [snapshot] = await Promise.all([reading, own.refresh()]);
    const pods = await cluster.pods(added);
    return this.#claims(snapshot, pods);
  }

  /** The registered node whose own this name or address is. */
  ownerOf(host: string): string | undefined {
    const { registered } = this.#options;
    const address = canonicalAddress(host);
    const key = address ?? host.toLowerCase().replace(/\.$/, '');
    const claims = this.known;
    const candidates =
      address === undefined ? (registered.get(key) ? [key] : []) : this.#registered.holders(address);
    for (const name of candidates) {
      const claimant = claimantOf(registered.get(name));
      if (claimant === undefined) continue;
      const objection =
        address === undefined
          ? nameObjection(key, claimant, claims)
          : addressObjection(address, claimant, claims);
      if (objection === undefined) return name;
    }
    return undefined;
  }

  /** A Node that is not registered has the address or the name. */
  isOfCloudNode(addressOrName: string): boolean {
    return !this.#foreignNodes(addressOrName)[Symbol.iterator]().next().done;
  }

  /** In which the pods of a registered node have their addresses, as its pool says. */
  podRangesOf(name: string): readonly AddressRange[] {
    const { registered, pools } = this.#options;
    const pool = registered.get(name)?.spec.pool;
    const spec = [...pools.values()].find(({ metadata }) => metadata.name === pool)?.spec;
    if (spec === undefined) return [];
    const texts = isCilium(spec) ? [podCidrOf(spec)] : (spec.externalPodCidrs ?? []);
    return texts.flatMap((text) => parseRange(text) ?? []);
  }

  /** Of a registration's name and addresses those that are not its own, each with the reason. */
  contested(node: RegisteredNode): readonly { readonly what: string; readonly detail: string }[] {
    const claims = this.known;
    const claimant = claimantOf(node);
    if (claimant === undefined) return [];
    const name = nameObjection(claimant.name, claimant, claims);
    const addresses = node.spec.addresses.map((text) => {
      const address = canonicalAddress(text);
      const detail = address === undefined ? 'it is no address' : addressObjection(address, claimant, claims);
      return { what: text, detail };
    });
    return [{ what: claimant.name, detail: name }, ...addresses].flatMap(({ what, detail }) =>
      detail === undefined ? [] : [{ what, detail }],
    );
  }

  #claims({ holders, ranges }: ClusterSnapshot, pods: ReadonlyMap<string, readonly Holder[]>): Claims {
    const { pools, own, expelled } = this.#options;
    const registrations = (key: string) => this.#registrations(key);
    const nodes = (key: string) => this.#foreignNodes(key);
    return {
      *holders(key) {
        yield* own.holders(key);
        // Its kubelet's certificate would be that of the host that joins under its name.
        if (expelled?.has(key)) yield { kind: 'expelled host', name: key, sinceMs: Number.POSITIVE_INFINITY };
        yield* holders.get(key) ?? [];
        yield* pods.get(key) ?? [];
        yield* nodes(key);
        yield* registrations(key);
      },
      ranges: [...ranges, ...this.#rangesOfPods()],
      domains: new Set([...pools.values()].flatMap(clusterDomain)),
    };
  }

  *#registrations(key: string): Iterable<Holder> {
    for (const name of this.#registered.holders(key)) {
      const node = this.#options.registered.get(name);
      const claimant = claimantOf(node);
      const isByRange = node?.status?.addressesByRange?.includes(key) ?? false;
      if (claimant) yield { kind: 'RegisteredNode', ...claimant, isByRange };
    }
  }

  *#foreignNodes(key: string): Iterable<Holder> {
    const { nodes } = this.#options;
    for (const name of this.#nodes.holders(key)) {
      if (!this.#isForeign(name)) continue;
      // Its kubelet may write its addresses at any time, also that of a removed host, or beside a join.
      const sinceMs = key === name ? createdMs(nodes.get(name)) : Number.POSITIVE_INFINITY;
      yield { kind: 'Node', name, sinceMs };
    }
  }

  /**
   * Also a Node that was there before the registration of its name, or beside a
   * claim whose join has not ended.
   */
  #isForeign(name: string): boolean {
    const { nodes, registered, expelled } = this.#options;
    const registration = registered.get(name);
    if (registration?.status?.joinedAt === undefined) return !expelled?.has(name);
    return createdMs(nodes.get(name)) < createdMs(registration);
  }

  #rangesOfPods(): readonly HeldRange[] {
    if (this.#ranges !== undefined) return this.#ranges;
    const { pools } = this.#options;
    const ofPools = [...pools.values()].flatMap(({ metadata, spec }) => {
      const range = isCilium(spec) ? parseRange(podCidrOf(spec)) : undefined;
      const what = `range of pods in the pool ${metadata.name}`;
      // Who may edit this one pool would say of the others' nodes whether they keep their addresses.
      return range ? [{ range, what, sinceMs: Number.POSITIVE_INFINITY }] : [];
    });
    const ofNodes = [...this.#podRanges].flatMap(([name, ranges]) => {
      const what = `range of pods of the Node ${name}`;
      const about = { what, sinceMs: Number.POSITIVE_INFINITY };
      return this.#isForeign(name) ? ranges.map((range) => ({ range, ...about })) : [];
    });
    this.#ranges = [...ofPools, ...ofNodes];
    return this.#ranges;
  }
}

/** undefined: not a node yet; a claim whose join has not ended owns nothing. */
function claimantOf(node: RegisteredNode | undefined): Claimant | undefined {
  if (node?.status?.joinedAt === undefined) return undefined;
  return { name: node.metadata.name, sinceMs: createdMs(node) };
}

function registeredKeys({ metadata, spec }: RegisteredNode): readonly string[] {
  return [metadata.name, ...spec.addresses.flatMap((address) => canonicalAddress(address) ?? [])];
}

/** A kubelet writes them as it likes; a node of a cloud has a handful. */
const mostAddressesOfNode = 64;
const longestName = 253;

/** Its addresses are names, too: Hostname, InternalDNS. */
function nodeKeys({ metadata, status }: NodeObject): readonly string[] {
  const addresses = (status?.addresses ?? [])
    .slice(0, mostAddressesOfNode)
    .filter(({ address }) => address.length <= longestName)
    .map(({ address }) => canonicalAddress(address) ?? address.toLowerCase());
  return [...new Set([metadata.name, ...addresses])];
}

const isCilium = ({ network }: PoolObject['spec']) => (network?.mode ?? 'cilium') === 'cilium';
const podCidrOf = ({ network }: PoolObject['spec']) => network?.cilium?.podCidr ?? defaultPodCidr;

function podCidrsOf(node: NodeObject | undefined): readonly string[] {
  return [...new Set([...(node?.spec?.podCIDRs ?? []), node?.spec?.podCIDR ?? ''])].filter(Boolean);
}

function clusterDomain({ spec }: PoolObject): readonly string[] {
  const domain = spec.kubelet?.clusterDomain?.toLowerCase().replace(/^\.|\.$/g, '');
  return domain ? [domain] : [];
}

function createdMs(object: { metadata: { creationTimestamp?: string } } | undefined): number {
  const created = Date.parse(object?.metadata.creationTimestamp ?? '');
  return Number.isNaN(created) ? 0 : created;
}
