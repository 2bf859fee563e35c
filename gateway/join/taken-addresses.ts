// Addresses that a registered node takes after its registration was made: at a join that is none of the
// first, or where it says that it has moved. Written first, looked at after: of two that take one address in
// the same moment at least one sees the other.
import { isDeepStrictEqual } from 'node:util';
import { type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { canonicalAddress } from '../resources/address.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';

/**
 * Of this very registration, under the key that it had, and only while `from` is what stands there:
 * another has been faster otherwise.
 */
export async function writeAddresses(
  kubernetes: Kubernetes,
  { metadata: { name, uid }, spec: { keySha256 } }: RegisteredNode,
  from: readonly string[],
  to: readonly string[],
): Promise<void> {
  await update(kubernetes, registeredNodes, { name }, (current) => {
    const isAsSeen = current.metadata.uid === uid && current.spec.keySha256 === keySha256;
    if (!isAsSeen || !isDeepStrictEqual(current.spec.addresses, from)) return undefined;
    return { ...current, spec: { ...current.spec, addresses: [...to] } };
  });
}

/**
 * Before they are written: whoever reads them, a second request of the same node too, sees that they are had
 * by its word alone.
 */
export async function rememberByRange(
  kubernetes: Kubernetes,
  { metadata: { name, uid }, status }: RegisteredNode,
  byRange: readonly string[],
): Promise<void> {
  if (byRange.every((address) => status?.addressesByRange?.includes(address))) return;
  await update(kubernetes, registeredNodes, { name, subresource: 'status' }, (current) => {
    if (current.metadata.uid !== uid || current.status === undefined) return undefined;
    const { addressesByRange = [] } = current.status;
    return {
      ...current,
      status: { ...current.status, addressesByRange: [...new Set([...addressesByRange, ...byRange])] },
    };
  });
}

/**
 * What is had by ranges alone from now on: each stays until a connection has come from it, it is the first,
 * or it is given up. Of two requests of one node neither takes away what the other one has noted.
 */
export function stillByRange(
  { spec, status }: RegisteredNode,
  added: readonly string[],
  source: string,
): readonly string[] {
  const others = spec.addresses.slice(1).map((text) => canonicalAddress(text) ?? text);
  const noted = new Set([...(status?.addressesByRange ?? []), ...added]);
  return [...noted].filter((one) => others.includes(one) && one !== canonicalAddress(source));
}

export async function sharedWithOthers(
  kubernetes: Kubernetes,
  name: string,
  added: readonly string[],
): Promise<{ readonly address: string; readonly detail: string } | undefined> {
  if (added.length === 0) return undefined;
  const { items } = await kubernetes.list(registeredNodes);
  for (const { metadata, spec } of items) {
    if (metadata.name === name) continue;
    const address = added.find((one) => spec.addresses.some((text) => canonicalAddress(text) === one));
    if (address !== undefined)
      return { address, detail: `it belongs to the RegisteredNode ${metadata.name}` };
  }
  return undefined;
}

/** Takes from others what they had by their word alone, and a connection has come from now. */
export async function takeYielded(
  kubernetes: Kubernetes,
  yielding: readonly { readonly node: string; readonly address: string }[],
): Promise<void> {
  for (const { node, address } of yielding)
    await update(kubernetes, registeredNodes, { name: node }, (current) => {
      if (!current.status?.addressesByRange?.includes(address)) return undefined;
      const addresses = current.spec.addresses.filter((text) => canonicalAddress(text) !== address);
      return { ...current, spec: { ...current.spec, addresses } };
    });
}
