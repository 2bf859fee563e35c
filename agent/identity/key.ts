// The node's key: ECDSA P-256, made on the host, never leaves it. The certificate request proves that whoever
// asks holds it. Pure: storing is the caller's business.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto } from 'node:crypto';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** A new private key, PKCS #8 PEM. */
export function createKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** PKCS #10 PEM with the subject CN=nodeName, signed by the key. */
export async function createCertificateRequest(keyPem: string, nodeName: string): Promise<string> {
  // Nine megabytes that a host needs at its join and every two months.
  const x509 = await import('../../protocol/x509.ts');
  const privateKey = createPrivateKey(keyPem);
  const publicKey = createPublicKey(privateKey);
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [nodeName] }],
    keys: {
      privateKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
      publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
    },
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  return request.toString('pem');
}

/** sha256 of the public key (SPKI), hex: says whether a certificate belongs to a key. */
export function publicKeyFingerprint(keyPem: string): string {
  const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex');
}
