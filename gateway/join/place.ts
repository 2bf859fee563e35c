// What a join takes of the cluster before it has its answer: a name, a place in the pool, addresses. Each is
// written first and looked at after, so that of joins at the same moment one sees the other. A new host's
// claim is a RegisteredNode that it creates, which is atomic, also where an earlier join has left one behind;
// a host that joins again writes its addresses into the one that is there. What is taken can be given back.
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { canonicalAddress } from '../resources/address.ts';
import { leaveFinalizer, type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { sharedWithOthers, writeAddresses } from './taken-addresses.ts';

export interface Place {
  readonly claimed: RegisteredNode;
  giveBack(): Promise<void>;
}

/** Throws NODE_NAME_TAKEN, POOL_FULL or ADDRESS_NOT_OWNED, and has given back by then what it took. */
export async function takePlace(
  kubernetes: Kubernetes,
  name: string,
  {
    existing,
    spec,
    maxNodes,
  }: { existing: RegisteredNode | undefined; spec: RegisteredNode['spec']; maxNodes: number },
): Promise<Place> {
  if (existing?.status?.joinedAt !== undefined) return retakePlace(kubernetes, existing, spec.addresses);
  // A claim whose join has not ended has had nothing, and is too old to keep others out: it is made anew.
  if (existing) await releaseLeftBehind(kubernetes, existing);
  const claimed = await claimName(kubernetes, name, existing?.metadata, spec);
  const giveBack = () => releaseName(kubernetes, claimed);
  await orGiveBack(giveBack, () => assertPlace(kubernetes, claimed, maxNodes));
  return { claimed, giveBack };
}

async function retakePlace(
  kubernetes: Kubernetes,
  existing: RegisteredNode,
  addresses: readonly string[],
): Promise<Place> {
  const { metadata, spec } = existing;
  const move = (from: readonly string[], to: readonly string[]) =>
    isDeepStrictEqual(from, to) ? undefined : writeAddresses(kubernetes, existing, from, to);
  const giveBack = async () => move(addresses, spec.addresses);
  await move(spec.addresses, addresses);
  await orGiveBack(giveBack, async () => {
    const added = addresses.filter((one) => !spec.addresses.includes(one));
    const shared = await sharedWithOthers(kubernetes, metadata.name, added);
    if (shared !== undefined) throw new Fault('ADDRESS_NOT_OWNED', { ...shared, pool: spec.pool });
  });
  return { claimed: existing, giveBack };
}

async function orGiveBack(giveBack: () => Promise<void>, look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    await giveBack();
    throw error;
  }
}

async function claimName(
  kubernetes: Kubernetes,
  nodeName: string,
  before: RegisteredNode['metadata'] | undefined,
  spec: RegisteredNode['spec'],
): Promise<RegisteredNode> {
  try {
    return await kubernetes.create(registeredNodes, {
      metadata: {
        name: nodeName,
        finalizers: [leaveFinalizer],
        labels: { ...before?.labels, 'regnode.io/pool': spec.pool },
        ...(before?.annotations && { annotations: before.annotations }),
      },
      spec,
    });
  } catch (error) {
    if (isFailure(error, 'AlreadyExists'))
      throw new Fault('NODE_NAME_TAKEN', { name: nodeName }, { cause: error });
    throw error;
  }
}

/** A claim older than this whose join has not ended is one that failed. */
const claimLifetimeMs = 120_000;

/**
 * Looked at after the claim, so that joins at the same moment see each other: the earlier claim (resource
 * versions only grow) keeps its place and its addresses, the later one is refused, and never do both pass.
 */
async function assertPlace(kubernetes: Kubernetes, claimed: RegisteredNode, maxNodes: number): Promise<void> {
  const { pool, addresses } = claimed.spec;
  const { items } = await kubernetes.list(registeredNodes);
  const version = ({ metadata }: RegisteredNode) => BigInt(metadata.resourceVersion ?? 0);
  const createdMs = ({ metadata }: RegisteredNode) => Date.parse(metadata.creationTimestamp ?? '');
  const earlier = items.filter(
    (item) =>
      item.metadata.name !== claimed.metadata.name &&
      (item.status?.joinedAt !== undefined || version(item) < version(claimed)),
  );
  const inPool = earlier.filter(({ metadata }) => metadata.labels?.['regnode.io/pool'] === pool);
  if (inPool.length >= maxNodes) throw new Fault('POOL_FULL', { pool, maxNodes });
  const others = earlier.filter(
    (item) => item.status?.joinedAt !== undefined || createdMs(claimed) - createdMs(item) < claimLifetimeMs,
  );
  for (const { metadata, spec } of others) {
    const address = addresses.find((one) => spec.addresses.some((text) => canonicalAddress(text) === one));
    if (address === undefined) continue;
    throw new Fault('ADDRESS_NOT_OWNED', {
      address,
      detail: `it belongs to the RegisteredNode ${metadata.name}`,
      pool,
    });
  }
}

/** As it was seen: whoever takes it up, or ends its join, at the same moment has it. */
async function releaseLeftBehind(kubernetes: Kubernetes, { metadata }: RegisteredNode): Promise<void> {
  const { name, uid, resourceVersion } = metadata;
  try {
    await kubernetes.patch(registeredNodes, name, { metadata: { uid, resourceVersion, finalizers: null } });
    await kubernetes.remove(registeredNodes, name, uid === undefined ? {} : { uid });
  } catch (error) {
    if (isFailure(error, 'NotFound', 'Conflict'))
      throw new Fault('NODE_NAME_TAKEN', { name }, { cause: error });
    throw error;
  }
}

async function releaseName(kubernetes: Kubernetes, claimed: RegisteredNode): Promise<void> {
  const { name, uid } = claimed.metadata;
  await kubernetes.patch(registeredNodes, name, { metadata: { uid, finalizers: null } });
  await kubernetes.remove(registeredNodes, name, uid === undefined ? {} : { uid });
}
