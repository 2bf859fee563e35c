// A real tunnel on loopback: an HTTPS gateway that wants client certificates, the hub, the egress server on a
// unix socket, an agent, and a target that the agent dials. Certificates are made for the occasion.
import { randomBytes, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { createTunnel, type Tunnel, type TunnelOptions } from '../../../agent/tunnel/tunnel.ts';
import { type Egress, type EgressOptions, startEgress } from '../../../gateway/egress/server.ts';
import type { UpgradeCertificate } from '../../../gateway/tunnel/held-sessions.ts';
import { type HubOptions, TunnelHub } from '../../../gateway/tunnel/hub.ts';
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '../../../protocol/messages/x509.ts';
import type { StreamAudit } from '../../../protocol/tunnel/audit.ts';
import type { TunnelLimits } from '../../../protocol/tunnel/limits.ts';
import { memoryRules } from '../../../protocol/tunnel/memory.ts';
import type { Session } from '../../../protocol/tunnel/session.ts';

export const silent = pino({ level: process.env.TUNNEL_LOG ?? 'silent' }, process.stderr);

interface Issued {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface Authority {
  readonly caPem: string;
  issue(commonName: string): Promise<Issued>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const usages: webcrypto.KeyUsage[] = ['sign', 'verify'];

export async function createAuthority(): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, usages);
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test CA',
    ...validity,
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true)],
  });
  return {
    caPem: ca.toString('pem'),
    async issue(commonName) {
      const own = await webcrypto.subtle.generateKey(algorithm, true, usages);
      const certificate = await X509CertificateGenerator.create({
        serialNumber: randomBytes(8).toString('hex'),
        subject: `CN=${commonName}`,
        issuer: ca.subject,
        ...validity,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new SubjectAlternativeNameExtension([
            { type: 'ip', value: '127.0.0.1' },
            { type: 'dns', value: 'localhost' },
          ]),
        ],
      });
      const key = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
      return { certificatePem: certificate.toString('pem'), keyPem: PemConverter.encode(key, 'PRIVATE KEY') };
    },
  };
}

export interface Gateway {
  readonly hub: TunnelHub;
  readonly url: string;
  readonly port: number;
  /** The sockets below the tunnels, newest last. */
  readonly sockets: Socket[];
  /** Node → whether its certificate is still good; without one it is. */
  readonly certificates: Map<string, UpgradeCertificate>;
  close(): Promise<void>;
}

/** The node is the certificate's common name, as in gateway/join. */
export async function startGateway(
  authority: Authority,
  limits: Partial<TunnelLimits> = {},
  port = 0,
  hub = new TunnelHub({ logger: silent, limits, connectionsPerMinute: 10_000 }),
  address = '127.0.0.1',
): Promise<Gateway> {
  // Freed memory is overwritten at once: whoever still reads it, the kernel included, sends 0xDD.
  memoryRules.poison = true;
  const { certificatePem, keyPem } = await authority.issue('gateway');
  const server = https.createServer({
    cert: certificatePem,
    key: keyPem,
    ca: authority.caPem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const sockets: Socket[] = [];
  const certificates = new Map<string, UpgradeCertificate>();
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
  });
  server.on('upgrade', (request, socket, head) => {
    const name = String((socket as TLSSocket).getPeerCertificate().subject.CN);
    hub.handleUpgrade(request, socket, head, { name, pool: 'test' }, certificates.get(name));
  });
  server.listen(port, address);
  await once(server, 'listening');
  const bound = (server.address() as AddressInfo).port;
  return {
    hub,
    url: `https://127.0.0.1:${bound}`,
    port: bound,
    sockets,
    certificates,
    async close() {
      hub.shutdown();
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A TCP server on loopback for one kind of behaviour. */
export async function startTarget(serve: (socket: Socket) => void): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Everything that a test needs; undone by `close`. */
export class Loopback {
  readonly authority: Authority;
  readonly folder: string;
  readonly agentAudit: StreamAudit[] = [];
  readonly gatewayAudit: StreamAudit[] = [];
  readonly targets = new Map<string, number>();
  readonly #undo: (() => unknown)[] = [];
  gateway!: Gateway;
  egress!: Egress;

  constructor(authority: Authority, folder: string) {
    this.authority = authority;
    this.folder = folder;
    this.#undo.push(() => rm(folder, { recursive: true, force: true }));
  }

  static async start(
    limits: Partial<TunnelLimits> = {},
    egress: Partial<EgressOptions> = {},
    hub: Partial<HubOptions> = {},
  ): Promise<Loopback> {
    const loopback = new Loopback(await createAuthority(), await mkdtemp(join(tmpdir(), 'regnode-tunnel-')));
    loopback.gateway = await startGateway(
      loopback.authority,
      limits,
      0,
      new TunnelHub({ logger: silent, limits, connectionsPerMinute: 10_000, ...hub }),
    );
    loopback.defer(() => loopback.gateway.close());
    loopback.egress = await startEgress({
      socketPath: join(loopback.folder, 'egress.sock'),
      hub: { session: (node) => loopback.gateway.hub.session(node) },
      resolveNode: (name) => (name.startsWith('idc-') ? name : undefined),
      direct: null,
      audit: (record) => loopback.gatewayAudit.push(record),
      logger: silent,
      ...egress,
    });
    loopback.defer(() => loopback.egress.close());
    return loopback;
  }

  defer(undo: () => unknown): void {
    this.#undo.push(undo);
  }

  async close(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo();
  }

  async target(name: string, serve: (socket: Socket) => void): Promise<void> {
    const { port, close } = await startTarget(serve);
    this.targets.set(name, port);
    this.defer(close);
  }

  /** An agent whose tunnel is open. */
  async agent(name = 'idc-1', options: Partial<TunnelOptions> = {}): Promise<Tunnel> {
    const opened = this.sessionOf(name);
    const tunnel = await this.agentWithoutWaiting(name, options);
    await opened;
    await reached(tunnel, 'Open');
    return tunnel;
  }

  async agentWithoutWaiting(name = 'idc-1', options: Partial<TunnelOptions> = {}): Promise<Tunnel> {
    const stop = new AbortController();
    this.defer(() => stop.abort());
    const tunnel = createTunnel({
      url: this.gateway.url,
      caPem: this.authority.caPem,
      ...(await this.authority.issue(name)),
      resolveTarget: ({ target }) => {
        const port = this.targets.get(target);
        return port ? { host: '127.0.0.1', port } : undefined;
      },
      audit: (record) => this.agentAudit.push(record),
      logger: silent,
      signal: stop.signal,
      environment: {},
      ...options,
    });
    tunnel.connect();
    return tunnel;
  }

  /** The next new session of a node. */
  sessionOf(name: string): Promise<Session> {
    return new Promise((resolve) => {
      this.gateway.hub.onSession((node, session) => {
        if (node === name) resolve(session);
      });
    });
  }

  /** CONNECT as the API server does it; resolves with the answer's head and the socket behind it. */
  async connect(target: string, early = ''): Promise<{ head: string; socket: Socket }> {
    const socket = net.connect({ path: this.egress.socketPath, allowHalfOpen: true });
    socket.on('error', () => {});
    this.defer(() => socket.destroy());
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n${early}`);
    let received = Buffer.alloc(0);
    for (;;) {
      const chunk = await nextChunk(socket);
      if (!chunk) return { head: received.toString(), socket };
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n\r\n');
      if (end < 0) continue;
      socket.unshift(received.subarray(end + 4));
      return { head: received.subarray(0, end).toString(), socket };
    }
  }
}

export function reached(tunnel: Pick<Tunnel, 'state' | 'onStateChange'>, state: string): Promise<void> {
  return new Promise((resolve) => {
    if (tunnel.state === state) resolve();
    tunnel.onStateChange((next) => {
      if (next === state) resolve();
    });
  });
}

export function nextChunk(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const read = (chunk: Buffer) => {
      socket.pause();
      settle(chunk);
    };
    const ended = () => settle(undefined);
    const settle = (chunk: Buffer | undefined) => {
      socket.off('data', read).off('end', ended).off('close', ended);
      resolve(chunk);
    };
    socket.on('data', read).on('end', ended).on('close', ended);
    socket.resume();
  });
}

export async function readAll(socket: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Waits until `condition` holds, looking at it after every turn of the event loop's timers. */
export async function until(condition: () => boolean, milliseconds = 4000): Promise<void> {
  const give = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > give) throw new Error(`not within ${milliseconds} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
