// A kubelet as the gateway sees it: a TLS server on loopback behind something that opens streams to it, as a
// tunnel does. Its certificate is real, so a wrong one is refused for real.
import { webcrypto } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import type { StreamTarget } from '../../../../protocol/messages/session.ts';
import * as x509 from '../../../../protocol/messages/x509.ts';
import type { SessionStream, StreamEndpoint } from '../../../../protocol/tunnel/stream.ts';

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
  readonly port: number;
  /** Streams opened so far. */
  streams: number;
  /** As a session of its node would: a stream to it. */
  open(target: StreamTarget, endpoint: StreamEndpoint): () => void;
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
    port,
    open(_target, endpoint) {
      kubelet.streams += 1;
      return streamTo(port, endpoint);
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
  return kubelet;
}

/** A stream of a tunnel, without the tunnel. */
function streamTo(port: number, endpoint: StreamEndpoint): () => void {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const stream: Pick<SessionStream, 'write' | 'end' | 'reset' | 'consumed'> = {
    write: (chunk) => {
      socket.write(chunk);
      return true;
    },
    end: () => void socket.end(),
    reset: () => void socket.destroy(),
    consumed: () => {},
  };
  socket.once('connect', () => endpoint.opened(stream as SessionStream));
  socket.on('data', (chunk) => endpoint.deliver(chunk));
  socket.on('end', () => endpoint.deliverEnd());
  socket.on('error', ({ message }) => endpoint.reset(new Fault('TUNNEL_STREAM_RESET', { detail: message })));
  return () => void socket.destroy();
}
