// The API server's way to the cluster, which opens before anything of the cluster is known. Through it go
// webhooks and aggregated APIs too, so an API server may need this door before it answers the gateway: a
// webhook that must be asked about a Lease, say, and the gateway that waits for its Lease. Until the
// registered nodes are known, targets are dialled directly, as the API server would without us, but for the
// usual port of kubelets, which no webhook needs: a registered node may have that address. From then on a
// registered node and its pods are reached through its tunnel and in no other way.
import { networkInterfaces } from 'node:os';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import { usualKubeletPort } from '../egress/kubelet-port.ts';
import type { PodWays } from '../egress/pod-ways.ts';
import { type EgressWay, startEgress } from '../egress/server.ts';
import { canonicalAddress } from '../resources/address.ts';
import type { Given } from './given.ts';
import { ownPorts, type ServeOptions } from './options.ts';
import type { Records } from './records.ts';

/** What decides about a target once the cluster has been read. */
interface KnownNodes {
  /** The registered node whose own this name or address is. */
  readonly ownerOf: (host: string) => string | undefined;
  readonly session: (node: string) => EgressWay | undefined;
  readonly kubeletPort: (node: string) => number;
  readonly isOwnPort: (address: string, port: number) => boolean;
  readonly findPod: PodWays['find'];
}

export interface ApiServerDoor {
  /** From now on these decide. */
  know(nodes: KnownNodes): void;
  close(): Promise<void>;
}

/** One record a minute of what is refused for the same reason; all are counted. */
const repeatedRefusals = { intervalMs: 60_000, remembered: 1_000 };
const keyOf = ({ code, node, address, target }: StreamAudit) => `${code} ${node} ${address || target}`;

export async function openApiServerDoor(parts: Given & Records): Promise<ApiServerDoor> {
  const { options, auditStream, logger, now, life } = parts;
  if (options.egressSocket === undefined) return { know: () => {}, close: async () => {} };
  let known: KnownNodes | undefined;
  const refusals = new RepeatFilter(repeatedRefusals);
  const egress = await startEgress({
    socketPath: options.egressSocket,
    hub: { session: (node) => known?.session(node) },
    resolveNode: (host) => known?.ownerOf(host),
    kubeletPort: (node) => known?.kubeletPort(node) ?? usualKubeletPort,
    isClosed: ({ port }) => known === undefined && port === usualKubeletPort,
    findPod: async (target) => known?.findPod(target),
    direct: { isOwn: (address, port) => (known?.isOwnPort ?? machinePort(options))(address, port) },
    // An API server asks again and again for a webhook that can't be reached.
    audit: (record) =>
      auditStream(record, record.code !== undefined && !refusals.isNew(keyOf(record), now())),
    logger,
  });
  life.defer(() => egress.close());
  return {
    know(nodes) {
      known = nodes;
    },
    close: () => egress.close(),
  };
}

/** Before names are resolved: the ports of this process on an address of this machine. */
const machinePort = (options: ServeOptions) => (address: string, port: number) =>
  ownPorts(options).includes(port) &&
  Object.values(networkInterfaces()).some((link) =>
    link?.some((one) => canonicalAddress(one.address) === address),
  );
