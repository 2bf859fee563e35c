// A node that has joined, without the join: its certificate and its registration.
import type { Authority, IssuedCertificate } from '../../../gateway/join/authority.ts';
import { checkCertificateRequest } from '../../../gateway/join/certificate-request.ts';
import type { Kubernetes } from '../../../gateway/kubernetes/kubernetes.ts';
import { registeredNodes } from '../../../gateway/resources/registered-node.ts';

export async function register(
  kubernetes: Kubernetes,
  authority: Authority,
  { name, pool }: { name: string; pool: string },
  csrPem: string,
): Promise<IssuedCertificate> {
  const { publicKey, keySha256 } = await checkCertificateRequest(csrPem, name);
  const issued = await authority.issueNode({ name, pool, publicKey });
  await kubernetes.create(registeredNodes, {
    metadata: { name, finalizers: ['regnode.io/leave'] },
    spec: { pool, machineId: '', keySha256, addresses: [] },
  });
  const status = { certificateSerials: [issued.serial] };
  await kubernetes.patch(registeredNodes, name, { status }, { subresource: 'status' });
  return issued;
}

export async function keySha256Of(csrPem: string, name: string): Promise<string> {
  return (await checkCertificateRequest(csrPem, name)).keySha256;
}
