// The certificate request of the node's key. A file of its own because what it needs weighs nine megabytes in
// memory, which a host wants at its join and every two months: whoever calls it imports it late.
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import * as x509 from '../../protocol/messages/x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** PKCS #10 PEM with the subject CN=nodeName, signed by the key. */
export async function createRequest(keyPem: string, nodeName: string): Promise<string> {
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
