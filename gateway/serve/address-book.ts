// Puts the book of names and addresses together, from what the gateway was told of itself and
// what it sees of the cluster.
import type { Logger } from 'pino';
import { AddressBook } from '../addresses/book.ts';
import { ClusterAddresses } from '../addresses/cluster-addresses.ts';
import { OwnAddresses } from '../addresses/own-addresses.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import type { ExpelledNodes } from '../nodes/expelled.ts';
import { parseListen } from '../port/listen.ts';
import type { ClusterView } from './cluster-view.ts';
import { ownPorts, type ServeOptions } from './options.ts';

export interface AddressBookParts {
  readonly options: ServeOptions;
  readonly kubernetes: Kubernetes;
  readonly view: ClusterView;
  /** All that the API server is reached by. */
  readonly apiServerUrls: readonly string[];
  /** `HOST:PORT` of each replica's door. */
  readonly replicas: () => readonly string[];
  readonly expelled: ExpelledNodes;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface OpenedBook {
  readonly book: AddressBook;
  /** Whether one of the gateway's own ports is at this address. */
  readonly isOwnPort: (address: string, port: number) => boolean;
  /** `NAMESPACE/NAME` of the Service with that cluster address. */
  readonly serviceAt: (address: string) => Promise<string | undefined>;
}

export async function openAddressBook(parts: AddressBookParts): Promise<OpenedBook> {
  const { options, kubernetes, view, apiServerUrls, replicas, expelled, logger, now } = parts;
  const own = new OwnAddresses({
    gateway: () => [
      new URL(options.publicUrl).hostname,
      ...[...replicas(), options.replicaAddress ?? ''].flatMap((address) => parseListen(address)?.host ?? []),
    ],
    apiServer: apiServerUrls.map((url) => new URL(url).hostname),
    now,
  });
  const isRegistered = (node: string) => view.registered.get(node) !== undefined;
  const cluster = new ClusterAddresses({ kubernetes, isRegistered, now });
  const book = new AddressBook({ ...view, cluster, own, expelled });
  await own.refresh();
  // What was registered by an earlier release is judged by it, too; until it is here, by the rest.
  cluster.fresh().catch((error: unknown) => {
    logger.warn({ err: error }, 'Services and endpoints can not be read: run "regnode-gateway setup" again');
  });
  const ports = ownPorts(options);
  return {
    book,
    isOwnPort: (address, port) => ports.includes(port) && own.isGateway(address),
    serviceAt: (address) => cluster.serviceAt(address),
  };
}
