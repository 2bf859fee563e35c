// A gateway as install.sh sees it: HTTPS on loopback with a CA of its own, a manifest, archives. What it
// answers can be spoilt per path, and it remembers what it was asked.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Artifact } from '../../../protocol/messages/desired.ts';
import * as x509 from '../../../protocol/messages/x509.ts';
import { type Signed, signManifest, type TestKey, testKey } from '../../worlds/signing.ts';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FakeGateway {
  readonly url: string;
  readonly caPem: string;
  /** `METHOD /path range` of each request. */
  readonly requests: string[];
  /** Path → answer; what isn't here is 404. */
  readonly answers: Map<string, Answer>;
  /** What signs its manifests. */
  readonly artifactKey: TestKey;
  /** Signs a manifest of these and serves it. */
  publish(artifacts: readonly object[], changes?: Record<string, unknown>, keys?: readonly TestKey[]): Signed;
  /**
   * Serves an archive of the agent and a signed manifest that names it; `changes` are to the agent's entry.
   */
  offer(
    version: string,
    archive: Buffer,
    changes?: Record<string, unknown>,
  ): Signed & { artifacts: object[] };
  /** What was asked for, without the small files of the manifest. */
  archiveRequests(): string[];
  close(): Promise<void>;
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** With ranges, as the real one does it. */
export function bytes(content: Buffer | string): Answer {
  const whole = Buffer.from(content);
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const range = { 'content-range': `bytes ${start}-${whole.length - 1}/${whole.length}` };
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': whole.length - start,
      ...(start > 0 ? range : {}),
    });
    response.end(whole.subarray(start));
  };
}

export async function startGateway(): Promise<FakeGateway> {
  const { caPem, certificatePem, keyPem } = await certificates();
  const requests: string[] = [];
  const answers = new Map<string, Answer>();
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    requests.push([request.method, request.url, request.headers.range].filter(Boolean).join(' '));
    const answer = answers.get(request.url ?? '');
    if (answer) answer(request, response);
    else response.writeHead(404).end();
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const artifactKey = testKey();
  const publish: FakeGateway['publish'] = (artifacts, changes, keys = [artifactKey]) => {
    const signed = signManifest(artifacts as readonly Artifact[], keys, changes);
    for (const [name, content] of signed.files) answers.set(`/artifacts/${name}`, bytes(content));
    return signed;
  };
  answers.set('/cacert', bytes(caPem));
  return {
    url: `https://127.0.0.1:${port}`,
    caPem,
    requests,
    answers,
    artifactKey,
    publish,
    archiveRequests: () =>
      requests.filter((request) => !/\/(?:manifest\.json|[0-9a-f]{64}\.(?:sig|pem))$/.test(request)),
    offer(version, archive, changes = {}) {
      const path = `/artifacts/regnode-${version}-linux-amd64.tar.gz`;
      const entry = { component: 'agent', version, architecture: 'amd64', path };
      const agent = { ...entry, sizeBytes: archive.length, sha256: sha256(archive), ...changes };
      const other = {
        ...agent,
        component: 'runc',
        path: '/artifacts/runc-1.1.tar.gz',
        sha256: 'f'.repeat(64),
      };
      answers.set(path, bytes(archive));
      const artifacts = [other, agent];
      return { ...publish(artifacts), artifacts };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

async function certificates(): Promise<{ caPem: string; certificatePem: string; keyPem: string }> {
  const generate = () => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const caKeys = await generate();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test CA',
    keys: caKeys,
    signingAlgorithm: algorithm,
    ...validity,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const keys = await generate();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '02',
    subject: 'CN=gateway',
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: algorithm,
    ...validity,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
  });
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { caPem: ca.toString('pem'), certificatePem: certificate.toString('pem'), keyPem };
}
