// The addresses that Services, endpoints and pods of the cluster have. A join reads them as they are, since a
// Service that is a second old has its address already; a certificate takes what was read some seconds ago,
// since its addresses were judged at the join. It is no watch: endpoints change with every pod, and joins are
// rare. Of EndpointSlices only those are listed that no selector made (the API server's own, and what people
// wrote); the others name pods, and a pod is looked up by its address (pod-addresses.ts).
import { type endpointSlices, type Service, serviceCidrs, services } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { orAbsent, servedEndpointSlices } from '../kubernetes/served.ts';
import { canonicalAddress, commonRange, parseRange } from '../resources/address.ts';
import type { HeldRange, Holder } from './claims.ts';
import { type Family, PodAddresses } from './pod-addresses.ts';

/** What was known when it was read. */
export interface ClusterSnapshot {
  /** By canonical address; a Service also by `NAME.NAMESPACE`. */
  readonly holders: ReadonlyMap<string, readonly Holder[]>;
  readonly ranges: readonly HeldRange[];
  /** Of pods' first addresses: as the API server's own Service has it. */
  readonly podFamily: Family;
}

const emptySnapshot: ClusterSnapshot = { holders: new Map(), ranges: [], podFamily: 4 };

export interface ClusterAddressesOptions {
  readonly kubernetes: Kubernetes;
  readonly isRegistered: (node: string) => boolean;
  readonly now: () => number;
}

/** What is this fresh is not read again for a certificate. */
const freshMs = 15_000;
/** Between two readings for addresses that are no Service's. */
const unknownMs = 2_000;
/** API servers allow services 20 bits of an address at most: what is wider are two ranges. */
const leastServicePrefix = { 4: 12, 6: 108 };
/**
 * Later than all that is there, and in the way of a join all the same: what stands in an object may
 * be younger than the object.
 */
const anyTime = Number.POSITIVE_INFINITY;
/** Slices of pods, which their controller keeps. */
const notOfPods = 'endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io';

export class ClusterAddresses {
  readonly #options: ClusterAddressesOptions;
  readonly #pods: PodAddresses;
  #snapshot = emptySnapshot;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<ClusterSnapshot> | undefined;
  #next: Promise<ClusterSnapshot> | undefined;
  #slices: typeof endpointSlices | undefined;

  constructor(options: ClusterAddressesOptions) {
    this.#options = options;
    this.#pods = new PodAddresses(options);
  }

  /** The latest that was read, however old. */
  get latest(): ClusterSnapshot {
    return this.#snapshot;
  }

  /** At most 15 s old. */
  async fresh(): Promise<ClusterSnapshot> {
    if (this.#options.now() - this.#readAtMs < freshMs) return this.#snapshot;
    return this.#reading ?? this.#begin();
  }

  /**
   * A reading that begins after this was asked for. One is under way at a time, and all who ask meanwhile
   * share the one after it: a wave of joins costs the API server one list after the other, however many join.
   */
  readNow(): Promise<ClusterSnapshot> {
    if (this.#reading === undefined) return this.#begin();
    const begin = () => {
      this.#next = undefined;
      return this.#begin();
    };
    this.#next ??= this.#reading.then(begin, begin);
    return this.#next;
  }

  #begin(): Promise<ClusterSnapshot> {
    const reading = this.#read().finally(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    this.#reading = reading;
    return reading;
  }

  /**
   * `NAMESPACE/NAME` of the Service with that cluster address; an unknown one may have been made just now.
   */
  async serviceAt(address: string): Promise<string | undefined> {
    const find = ({ holders }: ClusterSnapshot) =>
      holders.get(address)?.find(({ kind, sinceMs }) => kind === 'Service' && sinceMs !== anyTime)?.name;
    const found = find(await this.fresh());
    if (found !== undefined || this.#options.now() - this.#readAtMs < unknownMs) return found;
    return find(await this.readNow());
  }

  /**
   * Pods that have one of these addresses now, on nodes that are not ours.
   */
  async pods(added: readonly string[]): Promise<ReadonlyMap<string, readonly Holder[]>> {
    const [first, second] = [
      await this.#pods.byFirst(added),
      await this.#pods.bySecond(added, this.#snapshot.podFamily),
    ];
    return new Map([...first, ...[...second].filter(([address]) => !first.has(address))]);
  }

  async #read(): Promise<ClusterSnapshot> {
    const { kubernetes, now } = this.#options;
    const startedMs = now();
    const [{ items }, slices, declared] = await Promise.all([
      kubernetes.list(services),
      this.#listSlices(),
      this.#listServiceRanges(),
    ]);
    const holders = new Map<string, Holder[]>();
    for (const service of items) {
      const holder = serviceHolder(service);
      for (const key of serviceKeys(service)) add(holders, key, holder);
      for (const key of writtenKeys(service)) add(holders, key, { ...holder, sinceMs: anyTime });
    }
    for (const slice of slices) {
      const { name, namespace = '' } = slice.metadata;
      const isOfApiServer = namespace === 'default' && name === 'kubernetes';
      const sinceMs = isOfApiServer ? createdMs(slice) : anyTime;
      const holder: Holder = { kind: 'EndpointSlice', name: `${namespace}/${name}`, sinceMs };
      for (const { addresses = [], nodeName, topology } of slice.endpoints ?? []) {
        const node = nodeName ?? topology?.['kubernetes.io/hostname'];
        if (node !== undefined && this.#options.isRegistered(node)) continue;
        for (const address of addresses) add(holders, canonicalAddress(address) ?? '', holder);
      }
    }
    this.#snapshot = { holders, ranges: declared ?? serviceRanges(items), podFamily: podFamily(items) };
    this.#readAtMs = startedMs;
    return this.#snapshot;
  }

  async #listSlices() {
    const { kubernetes } = this.#options;
    this.#slices ??= await servedEndpointSlices(kubernetes);
    if (this.#slices === undefined) return [];
    return (await kubernetes.list(this.#slices, { labelSelector: notOfPods })).items;
  }

  /** undefined: an API server before 1.33, which keeps its range to itself. */
  async #listServiceRanges(): Promise<readonly HeldRange[] | undefined> {
    const listed = await orAbsent(this.#options.kubernetes.list(serviceCidrs));
    if (listed === undefined || listed.items.length === 0) return undefined;
    return listed.items.flatMap(({ spec }) => (spec?.cidrs ?? []).flatMap(heldByServices));
  }
}

/**
 * All addresses of services that were ever handed out lie in one range for each family, so what
 * holds all of them is part of it.
 */
function serviceRanges(items: readonly Service[]): readonly HeldRange[] {
  const addresses = items.flatMap(({ spec }) => [...(spec?.clusterIPs ?? []), spec?.clusterIP ?? '']);
  const canonical = addresses.flatMap((address) => canonicalAddress(address) ?? []);
  return ([4, 6] as const).flatMap((family) => {
    const range = commonRange(canonical.filter((address) => address.includes(':') === (family === 6)));
    const prefix = Number(range?.text.split('/')[1] ?? 0);
    return range && prefix >= leastServicePrefix[family] ? heldByServices(range.text) : [];
  });
}

function podFamily(items: readonly Service[]): Family {
  const own = items.find(
    ({ metadata: { name, namespace } }) => name === 'kubernetes' && namespace === 'default',
  );
  return own?.spec?.clusterIP?.includes(':') ? 6 : 4;
}

function heldByServices(text: string): HeldRange[] {
  const range = parseRange(text);
  return range ? [{ range, what: 'range of services', sinceMs: Number.NEGATIVE_INFINITY }] : [];
}

function serviceHolder(service: Service): Holder {
  const { name, namespace = '' } = service.metadata;
  return { kind: 'Service', name: `${namespace}/${name}`, sinceMs: createdMs(service) };
}

function serviceKeys({ metadata, spec }: Service): readonly string[] {
  const canonical = canonicalOf([...(spec?.clusterIPs ?? []), spec?.clusterIP]);
  return [...canonical, `${metadata.name}.${metadata.namespace ?? ''}`];
}

/**
 * What an editor of its namespace may write at any time: a node that has it keeps it,
 * and no node gets it by a join.
 */
function writtenKeys({ spec, status }: Service): readonly string[] {
  const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
  const addresses = canonicalOf([spec?.loadBalancerIP, ...(spec?.externalIPs ?? []), ...ingress]);
  // The API server dials it for webhooks and aggregated APIs.
  const name = spec?.externalName?.toLowerCase().replace(/\.$/, '') ?? '';
  return [...addresses, canonicalAddress(name) ?? name];
}

function canonicalOf(addresses: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(addresses.flatMap((address) => canonicalAddress(address ?? '') ?? []))];
}

function createdMs({ metadata }: { metadata: { creationTimestamp?: string } }): number {
  const created = Date.parse(metadata.creationTimestamp ?? '');
  return Number.isNaN(created) ? 0 : created;
}

function add(map: Map<string, Holder[]>, key: string, holder: Holder): void {
  if (key === '') return;
  const holders = map.get(key);
  if (holders) holders.push(holder);
  else map.set(key, [holder]);
}
