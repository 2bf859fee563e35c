// Finds out whether a CONNECT is meant for a pod of a registered node: a webhook, an aggregated API or
// `pods/proxy` whose pod is in the data centre, which nothing in the cloud can reach. A target may be a
// Service's address or a pod's own. Where it leads is decided by what no kubelet writes: the pod was made by
// somebody who may make pods and the scheduler put it on that node. Its address is the kubelet's word; for a
// Service it does no harm, since the pod was chosen already, and an address that is named by itself has to
// lie in a range of pods that its pool declares: a kubelet could name any. Outside of them it is whoever's it
// was, and dialled directly.
//
// Kubelets of the cloud are not looked up. What was found counts for two seconds. When it can't be looked up,
// the target is dialled directly, as the API server would without us.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type EndpointSlice, type Kind, type Pod, pods, services } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { servedEndpointSlices } from '../kubernetes/served.ts';
import { type AddressRange, canonicalAddress, parseAddress } from '../resources/address.ts';
import { usualKubeletPort } from './kubelet-port.ts';
import {
  declaresPort,
  endpointsOf,
  hasAddress,
  isScheduled,
  type PodWay,
  type ServiceEndpoint,
} from './pod-way.ts';
import { type ConnectTarget, formatConnectTarget } from './target.ts';

export interface PodWaysOptions {
  readonly kubernetes: Pick<Kubernetes, 'get' | 'list' | 'request'>;
  /** What is known of the cluster, without asking it. */
  readonly isRegistered: (node: string) => boolean;
  readonly isConnected: (node: string) => boolean;
  readonly ownerOf: (address: string) => string | undefined;
  /** Whether a Node that is not registered has the address. */
  readonly isCloudNode: (address: string) => boolean;
  /** Ranges of pods, by the pool of a registered node. */
  readonly podRanges: (node: string) => readonly AddressRange[];
  /** `NAMESPACE/NAME` of the Service with this address. */
  readonly serviceAt: (address: string) => Promise<string | undefined>;
  /** A lookup that failed. */
  readonly onFailure: (error: unknown) => void;
  readonly now: () => number;
  /** Below 1. */
  readonly random?: () => number;
}

type Found = PodWay | Fault | undefined;

const rememberedMs = 2_000;
const remembered = 256;
/** Endpoints that are looked at before it is given up. */
const attempts = 8;
const answerLimitBytes = 4 * 1024 * 1024;
const lookupTimeoutMs = 5_000;

export class PodWays {
  readonly #options: PodWaysOptions;
  readonly #found = new Map<string, { readonly atMs: number; readonly way: Promise<Found> }>();
  #slices: Kind<EndpointSlice> | undefined;

  constructor(options: PodWaysOptions) {
    this.#options = options;
  }

  /** Never throws. */
  find(target: ConnectTarget): Promise<Found> {
    const { now, isCloudNode } = this.#options;
    const address = canonicalAddress(target.host);
    if (address === undefined) return Promise.resolve(undefined);
    // Whoever was removed may write an address into a Node, so that is believed of a kubelet's port alone.
    if (target.port === usualKubeletPort && isCloudNode(address)) return Promise.resolve(undefined);
    const key = formatConnectTarget({ host: address, port: target.port });
    const known = this.#found.get(key);
    if (known !== undefined && now() - known.atMs < rememberedMs) return known.way;
    const way = this.#guarded(address, target.port);
    this.#found.delete(key);
    this.#found.set(key, { atMs: now(), way });
    if (this.#found.size > remembered) this.#found.delete(this.#found.keys().next().value ?? '');
    return way;
  }

  async #guarded(address: string, port: number): Promise<Found> {
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`no answer in ${lookupTimeoutMs} ms`)), lookupTimeoutMs);
    try {
      return await Promise.race([this.#look(address, port), tooLate]);
    } catch (error) {
      this.#options.onFailure(error);
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  async #look(address: string, port: number): Promise<Found> {
    const service = await this.#options.serviceAt(address);
    return service === undefined ? this.#byPod(address, port) : this.#byService(service, port);
  }

  async #byService(key: string, port: number): Promise<Found> {
    const { kubernetes, isRegistered, isConnected, random = Math.random } = this.#options;
    const [namespace = '', name = ''] = key.split('/');
    this.#slices ??= await servedEndpointSlices(kubernetes);
    if (this.#slices === undefined) return undefined;
    const labelSelector = `kubernetes.io/service-name=${name}`;
    const options = { namespace, labelSelector, mostBytes: answerLimitBytes };
    const [named, slices] = await Promise.all([
      kubernetes.list(services, { namespace, fieldSelector: `metadata.name=${name}` }),
      kubernetes.list(this.#slices, options),
    ]);
    const endpoints = named.items.flatMap((service) => endpointsOf(service, slices.items, port));
    const isOurs = ({ node }: ServiceEndpoint) => node !== undefined && isRegistered(node);
    if (!endpoints.some(isOurs)) return undefined;
    const usable = endpoints.filter((one) => !isOurs(one) || isConnected(one.node ?? ''));
    const [first] = endpoints;
    if (usable.length === 0) return new Fault('TUNNEL_NODE_NOT_CONNECTED', { node: first?.node ?? '' });
    let ofCloud: PodWay | undefined;
    for (const one of nodesInTurn(usable, random).slice(0, attempts)) {
      const instead = isOurs(one) ? undefined : { instead: { host: one.address, port: one.port } };
      if (instead && one.pod === undefined) return instead;
      const pod = one.pod === undefined ? undefined : await kubernetes.get(pods, one.pod, namespace);
      if (pod && isScheduled(pod) && pod.spec?.nodeName === one.node && hasAddress(pod, one.address))
        return instead ?? wayTo(pod, one.address, one.port);
      // A mirror pod; a host that was removed may make them as well.
      ofCloud ??= instead;
    }
    if (ofCloud !== undefined) return ofCloud;
    const detail = 'no pod that the scheduler put there has the address of its endpoint';
    return new Fault('TUNNEL_TARGET_FORBIDDEN', { target: `${key}:${port}`, detail });
  }

  async #byPod(address: string, port: number): Promise<Found> {
    const { kubernetes, isRegistered, ownerOf, podRanges } = this.#options;
    const fieldSelector = `status.podIP=${address}`;
    const { items } = await kubernetes.list(pods, { fieldSelector, mostBytes: answerLimitBytes });
    const found = items.filter((pod) => isScheduled(pod) && hasAddress(pod, address));
    const owner = ownerOf(address);
    if (owner !== undefined) {
      const pod = found.find((one) => isOfHost(one, owner) && declaresPort(one, port));
      return pod && wayTo(pod, address, port);
    }
    if (found.some(({ spec }) => !isRegistered(spec?.nodeName ?? ''))) return undefined;
    const parsed = parseAddress(address);
    const isDeclared = ({ spec }: Pod) =>
      spec?.hostNetwork !== true && podRanges(spec?.nodeName ?? '').some((range) => range.contains(parsed));
    const claims = found.filter(isDeclared);
    const target = formatConnectTarget({ host: address, port });
    const forbidden = (detail: string) => new Fault('TUNNEL_TARGET_FORBIDDEN', { target, detail });
    const nodes = new Set(claims.map(({ spec }) => spec?.nodeName ?? ''));
    if (nodes.size > 1)
      return forbidden(`pods of ${[...nodes].slice(0, 3).join(', ')} say that it is theirs`);
    const [pod] = claims;
    if (pod !== undefined) return wayTo(pod, address, port);
    // A kubelet's word alone takes it from nobody, and is told when nobody has it.
    const [claim] = found;
    if (claim === undefined) return undefined;
    const detail = `it lies in no range of pods that the pool of the node ${claim.spec?.nodeName} declares`;
    return { instead: { host: address, port }, otherwise: forbidden(detail) };
  }
}

function wayTo({ metadata, spec }: Pod, address: string, port: number): PodWay {
  return { node: spec?.nodeName ?? '', pod: { uid: metadata.uid ?? '', address, port } };
}

const isOfHost = ({ spec }: Pod, node: string) => spec?.hostNetwork === true && spec.nodeName === node;

/** By chance, one of each node before a second one of any: a kubelet may make as many pods as it likes. */
function nodesInTurn(
  endpoints: readonly ServiceEndpoint[],
  random: () => number,
): readonly ServiceEndpoint[] {
  const byNode = Map.groupBy(shuffled(endpoints, random), ({ node }) => node ?? '');
  return [...byNode.values()]
    .flatMap((ofNode) => ofNode.map((endpoint, turn) => ({ endpoint, turn })))
    .sort((a, b) => a.turn - b.turn)
    .map(({ endpoint }) => endpoint);
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
