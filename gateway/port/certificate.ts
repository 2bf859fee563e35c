// The certificate of a TLS port of the gateway, and the CA that it wants of its clients.
export interface PortCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

/** For tls.createSecureContext. The chain is the leaf alone: the other end knows the CA. */
export function secureContext(tls: PortCertificate): { cert: string; key: string; ca: string } {
  return { cert: tls.certificatePem, key: tls.keyPem, ca: tls.caPem };
}
