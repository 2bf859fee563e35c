// A gateway on loopback for tests of the agent: real HTTPS with a CA of its own, the calls of
// protocol/messages/join.ts, artifacts from memory. What it answers can be changed at any moment, and
// it keeps what it was asked.

import { createHash, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { background } from '../../protocol/defect.ts';
import type { Artifact, DesiredState } from '../../protocol/messages/desired.ts';
import type { DrainResponse, JoinResponse, NodeStatusResponse } from '../../protocol/messages/join.ts';
import * as x509 from '../../protocol/messages/x509.ts';
import { signManifest, testKey } from './signing.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly values?: Record<string, string | number>;
}

export class LoopbackGateway {
  readonly url: string;
  readonly caPem: string;
  readonly asked: string[] = [];
  readonly store = new Map<string, Buffer>();
  readonly artifactKey = testKey();
  refusal: Refusal | undefined;
  status: NodeStatusResponse;
  /** What each call of a leave's drain finds, the last one from then on. */
  drains: DrainResponse[] = [{ evictedPods: [], remainingPods: [] }];
  /** What a drain says of pods that stayed. */
  remainingPods: DrainResponse['remainingPods'] = [];
  desired: DesiredState;
  readonly #server: Server;

  private constructor(server: Server, caPem: string, desired: DesiredState) {
    this.#server = server;
    this.caPem = caPem;
    this.desired = desired;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.status = {
      nodeName: 'idc-1',
      pool: desired.pool,
      registered: true,
      tunnelConnected: true,
      ready: 'True',
      readyMessage: '',
      unschedulable: false,
    };
  }

  static async start(desired: DesiredState): Promise<LoopbackGateway> {
    const { caPem, certificatePem, keyPem } = await makeCertificates();
    const server = createServer({ cert: certificatePem, key: keyPem });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const gateway = new LoopbackGateway(server, caPem, desired);
    server.on('request', (request, response) =>
      background('loopback gateway', gateway.#answer(request, response)),
    );
    return gateway;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Puts an archive into the store and says what it is. */
  add(component: Artifact['component'], version: string, content: string): Artifact {
    const bytes = Buffer.from(content);
    const path = `/artifacts/${component}-${version}-amd64.tar.gz`;
    this.store.set(path, bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { component, version, architecture: 'amd64', path, sizeBytes: bytes.length, sha256 };
  }

  /** Signs a manifest of these and makes it the desired one. */
  offer(artifacts: readonly Artifact[], changes: Readonly<Record<string, unknown>> = {}): void {
    const { serial, sha256, files } = signManifest(artifacts, this.artifactKey, changes);
    for (const [name, content] of files) this.store.set(`/artifacts/${name}`, content);
    this.desired = { ...this.desired, manifest: { serial, sha256 }, artifacts: [...artifacts] };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const what = `${request.method} ${request.url}`;
    this.asked.push(what);
    for await (const _ of request) {
      // Bodies are of no interest here.
    }
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const bytes = this.store.get(request.url ?? '');
    if (bytes !== undefined) return this.#serve(bytes, request, response);
    if (this.refusal !== undefined) {
      const { status, code, values = {} } = this.refusal;
      return json(status, { error: { code, values } });
    }
    switch (what) {
      case 'POST /v1/join/token':
        return json(200, { pool: this.desired.pool, kubernetesVersion: this.desired.kubernetesVersion });
      case 'POST /v1/join':
        return json(200, this.#joinResponse());
      case 'GET /v1/node/status':
        return json(200, this.status);
      case 'GET /v1/node/desired':
        return json(200, this.desired);
      case 'POST /v1/node/drain':
        this.status = { ...this.status, unschedulable: true };
        return json(200, this.drains.length > 1 ? this.drains.shift() : this.drains[0]);
      case 'GET /v1/node/drain-plan':
        return json(200, this.drains[0]);
      case 'POST /v1/node/upgrade-drain':
        this.status = { ...this.status, unschedulable: true };
        return json(200, { evictedPods: [], remainingPods: this.remainingPods });
      case 'POST /v1/node/uncordon':
        this.status = { ...this.status, unschedulable: false };
        return json(200, {});
      case 'POST /v1/node/deregister':
        return json(200, {});
      default:
        return json(404, { error: { code: 'ARTIFACT_MISSING', values: { name: what } } });
    }
  }

  #serve(bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (offset > 0) {
      const range = `bytes ${offset}-${bytes.length - 1}/${bytes.length}`;
      response.writeHead(206, { 'content-range': range }).end(bytes.subarray(offset));
    } else response.writeHead(200).end(bytes);
  }

  #joinResponse(): JoinResponse {
    return {
      protocolVersion: 1,
      nodeName: 'idc-1',
      pool: this.desired.pool,
      // Not asked for by this server, but it has to be a real pair for a client that presents it.
      certificatePem: '',
      caPem: this.caPem,
      desired: this.desired,
      bootstrap: {
        apiServerUrl: 'https://10.77.0.1:6443',
        caPem: this.caPem,
        token: 'abcdef.0123456789abcdef',
      },
    };
  }
}

async function makeCertificates(): Promise<{ caPem: string; certificatePem: string; keyPem: string }> {
  const extractable = ['sign', 'verify'] as const;
  const caKeys = await webcrypto.subtle.generateKey(algorithm, true, [...extractable]);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, [...extractable]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test CA',
    keys: caKeys,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=gateway',
    issuer: ca.subject,
    signingKey: caKeys.privateKey,
    publicKey: keys.publicKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    caPem: ca.toString('pem'),
    certificatePem: certificate.toString('pem'),
    keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'),
  };
}
