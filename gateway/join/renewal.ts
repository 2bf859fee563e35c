// Renewal of a node's certificate, for the key that the node joined with. The certificate at hand stays good
// until the new one has opened a tunnel, so a host that loses our answer, or its power before it is written,
// can ask again; at any time at most two are good.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { RenewResponse } from '../../protocol/messages/join.ts';
import { type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import type { Authority } from './authority.ts';
import { checkCertificateRequest } from './certificate-request.ts';
import type { NodeIdentity } from './client-certificate.ts';

export interface RenewalDesk {
  readonly kubernetes: Kubernetes;
  readonly authority: Authority;
}

/** `serial` is that of the certificate with which it was asked. */
export async function renewCertificate(
  { kubernetes, authority }: RenewalDesk,
  { name, pool }: NodeIdentity,
  serial: string,
  csrPem: string,
): Promise<RenewResponse & { serial: string }> {
  const { publicKey, keySha256 } = await checkCertificateRequest(csrPem, name);
  const issued = await authority.issueNode({ name, pool, publicKey });
  const key = { name, subresource: 'status' };
  const written = await update(kubernetes, registeredNodes, key, (current: RegisteredNode) => {
    if (current.spec.keySha256 !== keySha256) {
      throw new Fault('CSR_REFUSED', { detail: 'its key is not the one that the node joined with' });
    }
    if (!current.status?.certificateSerials?.includes(serial)) {
      throw new Fault('CERTIFICATE_REFUSED', { detail: 'it was replaced or revoked' });
    }
    const status = {
      ...current.status,
      certificateSerials: [serial, issued.serial],
      certificateExpiresAt: new Date(issued.expiresAtMs).toISOString(),
    };
    return { ...current, status };
  });
  if (!written) throw new Fault('NODE_NOT_REGISTERED', { name });
  return { certificatePem: issued.certificatePem, caPem: authority.caPem, serial: issued.serial };
}

/**
 * The certificate of this serial is in use: those before it are good no more. `unlisted`: nor is this one.
 */
export async function retireBefore(
  kubernetes: Kubernetes,
  name: string,
  serial: string,
): Promise<'retired' | 'first' | 'unlisted'> {
  let place = -1;
  const key = { name, subresource: 'status' };
  await update(kubernetes, registeredNodes, key, (current) => {
    const serials = current.status?.certificateSerials ?? [];
    place = serials.indexOf(serial);
    return place > 0
      ? { ...current, status: { ...current.status, certificateSerials: serials.slice(place) } }
      : undefined;
  });
  if (place > 0) return 'retired';
  return place === 0 ? 'first' : 'unlisted';
}
