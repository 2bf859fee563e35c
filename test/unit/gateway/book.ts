// A book of names and addresses that knows what a Kubernetes in memory has at the moment when it is asked.
import { AddressBook, type BookOptions } from '../../../gateway/addresses/book.ts';
import { ClusterAddresses } from '../../../gateway/addresses/cluster-addresses.ts';
import { OwnAddresses } from '../../../gateway/addresses/own-addresses.ts';
import { type Kind, type KubernetesObject, nodes } from '../../../gateway/kubernetes/kinds.ts';
import type { Change } from '../../../gateway/kubernetes/watcher.ts';
import { nodePools } from '../../../gateway/resources/node-pool.ts';
import { registeredNodes } from '../../../gateway/resources/registered-node.ts';
import type { MemoryKubernetes } from './memory-kubernetes.ts';

/** Of the gateway and the API server in tests. */
const gatewayHost = 'gateway.example.com';
const addresses: Readonly<Record<string, readonly string[]>> = { [gatewayHost]: ['10.77.0.2'] };

export async function bookNow(
  kubernetes: MemoryKubernetes,
  expelled?: BookOptions['expelled'],
): Promise<AddressBook> {
  const tell: (() => void)[] = [];
  const live = <T extends KubernetesObject>(kind: Kind<T>) => ({
    get: (name: string) => kubernetes.stored(kind).find(({ metadata }) => metadata.name === name),
    values: () => kubernetes.stored(kind).values(),
    onChange: (listener: (change: Change<T>) => void) => {
      const all = kubernetes.stored(kind);
      tell.push(() => {
        for (const object of all)
          listener({ name: object.metadata.name, namespace: undefined, object, previous: undefined });
      });
    },
  });
  const own = new OwnAddresses({
    gateway: () => [gatewayHost],
    apiServer: ['10.77.0.1'],
    now: Date.now,
    resolve: async (host) => addresses[host] ?? [],
    interfaces: () => ['127.0.0.1', '10.77.0.3'],
  });
  const registered = live(registeredNodes);
  const isRegistered = (name: string) => registered.get(name) !== undefined;
  const cluster = new ClusterAddresses({ kubernetes, isRegistered, now: Date.now });
  const book = new AddressBook({
    registered,
    nodes: live(nodes),
    pools: live(nodePools),
    cluster,
    own,
    ...(expelled && { expelled }),
  });
  for (const one of tell) one();
  await cluster.fresh();
  await own.refresh();
  return book;
}

/** For a JoinDesk. */
export function bookOf(kubernetes: MemoryKubernetes): Pick<AddressBook, 'current'> {
  return { current: async (...asked) => (await bookNow(kubernetes)).current(...asked) };
}
