// The certificate of a TLS port of the gateway, and the CA that it wants of its clients.
export interface PortCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

/**
 * For tls.createSecureContext. The chain is the leaf alone: the other end knows the CA. A client of TLS 1.2
 * may show another certificate in a second handshake on its connection, and node:tls goes on calling it
 * authorized: there is no second one.
 */
export function secureContext(tls: PortCertificate): {
  cert: string;
  key: string;
  ca: string;
  secureOptions: number;
} {
  const { certificatePem: cert, keyPem: key, caPem: ca } = tls;
  return { cert, key, ca, secureOptions: noRenegotiation };
}

/** SSL_OP_NO_RENEGOTIATION of OpenSSL's ssl.h, which node:crypto does not name. */
const noRenegotiation = 2 ** 30;
