// The API server's way to the cluster, which opens before anything of the cluster is known. Through it go
// webhooks and aggregated APIs too, so an API server may need this door before it answers the gateway: a
// webhook that must be asked about a Lease, say, and the gateway that waits for its Lease. Until the
// registered nodes are known, targets are dialled directly, as the API server would without us, but for the
// usual port of kubelets, which no webhook needs: a registered node may have that address. From then on a
// registered node is reached through its tunnel and in no other way.
import { networkInterfaces } from 'node:os';
import { usualKubeletPort } from '../egress/kubelet-port.ts';
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
}

export interface ApiServerDoor {
  /** From now on these decide. */
  know(nodes: KnownNodes): void;
  close(): Promise<void>;
}

export async function openApiServerDoor(parts: Given & Records): Promise<ApiServerDoor> {
  const { options, auditStream, logger, life } = parts;
  if (options.egressSocket === undefined) return { know: () => {}, close: async () => {} };
  let known: KnownNodes | undefined;
  const egress = await startEgress({
    socketPath: options.egressSocket,
    hub: { session: (node) => known?.session(node) },
    resolveNode: (host) => known?.ownerOf(host),
    kubeletPort: (node) => known?.kubeletPort(node) ?? usualKubeletPort,
    isClosed: ({ port }) => known === undefined && port === usualKubeletPort,
    direct: { isOwn: (address, port) => (known?.isOwnPort ?? machinePort(options))(address, port) },
    audit: auditStream,
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
