// The node's key: ECDSA P-256, made on the host, never leaves it. The certificate request proves that whoever
// asks holds it. Pure: storing is the caller's business.
import { generateKeyPairSync } from 'node:crypto';

/** A new private key, PKCS #8 PEM. */
export function createKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** PKCS #10 PEM with the subject CN=nodeName, signed by the key. */
export async function createCertificateRequest(keyPem: string, nodeName: string): Promise<string> {
  const { createRequest } = await import('./certificate-request.ts');
  return createRequest(keyPem, nodeName);
}
