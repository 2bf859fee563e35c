// A throw-away CA for the TLS contenders: everybody gets a certificate of the same kind, P-256 and one hour.
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '../../../protocol/messages/x509.ts';
import type { Identity } from './role.ts';

export interface Authority {
  issue(commonName: string): Promise<Identity>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** All that the benchmarks' processes are reached by. */
const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
const lifetimeMs = 3_600_000;

export async function createAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + lifetimeMs) };
  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=benchmark CA',
    ...validity,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true)],
  });
  const caPem = ca.toString('pem');
  return {
    async issue(commonName) {
      const own = await newKeys();
      const certificate = await X509CertificateGenerator.create({
        serialNumber: randomBytes(8).toString('hex'),
        subject: `CN=${commonName}`,
        issuer: ca.subject,
        ...validity,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [new SubjectAlternativeNameExtension(addresses.map((value) => ({ type: 'ip', value })))],
      });
      const key = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
      return {
        caPem,
        certificatePem: certificate.toString('pem'),
        keyPem: PemConverter.encode(key, 'PRIVATE KEY'),
      };
    },
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}
