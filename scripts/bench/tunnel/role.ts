// One process of the benchmark. The parent says by IPC which role to play and what to measure; answers carry
// the number of the request. Importing this file plays nothing: it is only ever forked.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { createTunnel } from '../../../agent/tunnel/tunnel.ts';
import { TunnelHub } from '../../../gateway/tunnel/hub.ts';
import { SocketEndpoint } from '../../../protocol/tunnel/socket.ts';
import { countCopies } from '../telemetry/copies.ts';
import { download, listen, roundTrips, startTarget, upload } from './load.ts';

const logger = pino({ level: 'silent' });

export interface Identity {
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export type Order =
  | { kind: 'target' }
  | { kind: 'pipe'; to: number }
  | { kind: 'gateway'; identity: Identity | undefined }
  | { kind: 'entry'; target: string }
  | { kind: 'agent'; url: string; identity: Identity | undefined; targets: Record<string, number> }
  | { kind: 'connected' }
  | { kind: 'upload' | 'download' | 'roundTrips'; port: number; seconds: number }
  | { kind: 'startCounting' }
  | { kind: 'stopCounting' }
  | { kind: 'usage' };

let hub: TunnelHub | undefined;
/** Bytes copied in JavaScript, while they are counted. */
let counting: { stop: () => void; copied: Promise<number> } | undefined;

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'target':
      return startTarget();
    case 'pipe':
      return startPipe(order.to);
    case 'gateway':
      return startGateway(order.identity);
    case 'entry':
      return startEntry(order.target);
    case 'agent':
      return startAgent(order);
    case 'connected':
      return hub?.figures.connected ?? 0;
    case 'upload':
      return upload(order.port, order.seconds);
    case 'download':
      return download(order.port, order.seconds);
    case 'roundTrips':
      return roundTrips(order.port, order.seconds);
    case 'startCounting': {
      const { promise, resolve } = Promise.withResolvers<void>();
      counting = { stop: resolve, copied: countCopies(() => promise) };
      return undefined;
    }
    case 'stopCounting':
      counting?.stop();
      return counting?.copied ?? 0;
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
    }
  }
}

function startPipe(to: number): Promise<number> {
  return listen(
    net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      const far = net.connect({ port: to, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      for (const [one, other] of [[near, far] as const, [far, near] as const]) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
        one.pipe(other);
      }
    }),
  );
}

async function startGateway(identity: Identity | undefined): Promise<number> {
  const own = new TunnelHub({ logger, connectionsPerMinute: 1e9 });
  hub = own;
  const server = identity
    ? https.createServer({
        cert: identity.certificatePem,
        key: identity.keyPem,
        ca: identity.caPem,
        requestCert: true,
        rejectUnauthorized: true,
      })
    : http.createServer();
  let nodes = 0;
  server.on('upgrade', (request, socket, head) => {
    const certified = (socket as TLSSocket).getPeerCertificate?.().subject.CN;
    const name = identity && certified === 'idc-1' ? 'idc-1' : nodes === 0 ? 'idc-1' : `idle-${nodes}`;
    nodes += 1;
    own.handleUpgrade(request, socket, head, { name, pool: 'bench' });
  });
  return listen(server);
}

/** What egress does after its CONNECT, entered by plain TCP like every other contender. */
function startEntry(target: string): Promise<number> {
  return listen(
    net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {});
      hub?.session('idc-1')?.open({ target, reason: 'bench' }, new SocketEndpoint(socket, () => {}));
    }),
  );
}

function startAgent(order: Extract<Order, { kind: 'agent' }>): void {
  const { caPem, certificatePem, keyPem } = order.identity ?? { caPem: '', certificatePem: '', keyPem: '' };
  const tunnel = createTunnel({
    url: order.url,
    caPem,
    certificatePem,
    keyPem,
    resolveTarget: ({ target }) => {
      const port = order.targets[target];
      return port ? { host: '127.0.0.1', port } : undefined;
    },
    audit: () => {},
    logger,
    signal: new AbortController().signal,
    environment: {},
  });
  tunnel.connect();
}

process.on('message', ({ id, order }: { id: number; order: Order }) => {
  obey(order).then(
    (result) => process.send?.({ id, result }),
    (error: Error) => process.send?.({ id, error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
