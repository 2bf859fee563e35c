// What a certificate says, for whoever decides about it: from when to when it is good, whose
// it is, which root signed it.
import { createPrivateKey, X509Certificate } from 'node:crypto';

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export function validityOf(certificatePem: string): Validity {
  const certificate = new X509Certificate(certificatePem);
  return { notBeforeMs: Date.parse(certificate.validFrom), notAfterMs: Date.parse(certificate.validTo) };
}

/** Each certificate of a bundle by itself, PEM; throws when one of them is none. */
export function rootsOf(bundlePem: string): X509Certificate[] {
  const blocks = bundlePem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

export function isSignedBy(certificatePem: string, root: X509Certificate | undefined): boolean {
  if (root === undefined) return false;
  const certificate = new X509Certificate(certificatePem);
  return certificate.checkIssued(root) && certificate.verify(root.publicKey);
}

export function belongsTo(certificatePem: string, keyPem: string): boolean {
  return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
}
