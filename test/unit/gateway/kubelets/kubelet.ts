// A kubelet as the gateway sees it: a TLS server on loopback behind something that opens streams to it, as a tunnel does. Its
// certificate is real, so a wrong one is refused for real.
import { webcrypto } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import * as x509 from '../../../../protocol/x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3600_000) };

export async function createAuthority(name: string) {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    ...validity,
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return { keys, certificate, pem: certificate.toString('pem') };
}

export type Authority = Awaited<ReturnType<typeof createAuthority>>;

export interface Kubelet {
  readonly requests: IncomingMessage[];
  /** Streams opened so far. */
  streams: number;
  openStream(): Promise<Duplex>;
  close(): void;
}

export async function startKubelet(
  authority: Authority,
  name: string,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Kubelet> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=system:node:${name}`,
    issuer: authority.certificate.subject,
    ...validity,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }])],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`;
  const requests: IncomingMessage[] = [];
  const server = https.createServer({ key, cert: certificate.toString('pem') }, (request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const kubelet: Kubelet = {
    requests,
    streams: 0,
    openStream() {
      kubelet.streams += 1;
      return Promise.resolve(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return kubelet;
}
