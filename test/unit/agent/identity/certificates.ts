// Roots and client certificates for tests, with any dates.
import { createPublicKey, webcrypto } from 'node:crypto';
import * as x509 from '../../../../protocol/messages/x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

export interface TestRoot {
  readonly pem: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly name: string;
}

export async function newRoot(name: string): Promise<TestRoot> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return { pem: `${certificate.toString('pem')}\n`, keys, name: certificate.subject };
}

export async function certify(
  root: TestRoot,
  keyPem: string,
  fromMs: number,
  untilMs: number,
): Promise<string> {
  const spki = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=idc-1',
    issuer: root.name,
    notBefore: new Date(fromMs),
    notAfter: new Date(untilMs),
    publicKey: await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']),
    signingKey: root.keys.privateKey,
    signingAlgorithm,
  });
  return certificate.toString('pem');
}
