// A host that wants to join: its key, its request, and what it says of itself.
import { createHash } from 'node:crypto';
import type { HostFacts, JoinRequest } from '../../../protocol/messages/join.ts';
import { PemConverter, Pkcs10CertificateRequestGenerator } from '../../../protocol/messages/x509.ts';

const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

export const facts: HostFacts = {
  machineId: '0123456789abcdef0123456789abcdef',
  hostname: 'idc-1',
  os: { id: 'tencentos', versionId: '3.1', prettyName: 'TencentOS Server 3.1 (Final)' },
  kernelRelease: '5.4.119-19-0009.11',
  architecture: 'amd64',
  addresses: ['10.77.0.11'],
  agentVersion: '0.1.0',
};

/** Each name has an address of its own: idc-1 is 10.77.0.11. */
function addressOf(nodeName: string): string {
  const number = /^idc-([1-9]\d?)$/.exec(nodeName)?.[1];
  if (number !== undefined) return `10.77.0.${10 + Number(number)}`;
  const [a = 0, b = 0] = createHash('sha256').update(nodeName).digest();
  return `10.99.${a}.${b}`;
}

export async function applicant(
  nodeName: string,
  machineId = facts.machineId,
  address = addressOf(nodeName),
): Promise<{ keyPem: string; request: (token: string) => JoinRequest }> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${nodeName}`,
    keys,
    signingAlgorithm,
  });
  return {
    keyPem: PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    request: (token) => ({
      protocolVersion: 1,
      token,
      nodeName,
      csrPem: csr.toString('pem'),
      facts: { ...facts, machineId, hostname: nodeName, addresses: [address] },
    }),
  };
}
