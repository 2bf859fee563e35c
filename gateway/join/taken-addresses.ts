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
