// The cloud side of the gateway's benchmark, a process of its own: the real hub and the real intake, wired as
// gateway/serve does it, or what somebody would write instead: a ws server that parses JSON heartbeats; or
// the least that any server does, which is to read. It counts what it took and says what that cost. Nodes are
// told apart by the path; the certificate is checked all the same.
import http from 'node:http';
import https from 'node:https';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { pino } from 'pino';
import { WebSocketServer } from 'ws';
import { TelemetryIntake } from '../../../gateway/telemetry/intake.ts';
import { TunnelHub } from '../../../gateway/tunnel/hub.ts';
import type { Heartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { listen } from '../tunnel/load.ts';
import type { Identity } from '../tunnel/role.ts';
import { heartbeatWireBytes } from './bare-node.ts';

export type FarEndOrder =
  | { kind: 'listen'; protocol: Protocol; identity: Identity | undefined }
  /** Cuts the connections of so many nodes, as a network does. */
  | { kind: 'cut'; nodes: number }
  | { kind: 'state' }
  /** What was taken and what it cost; asked while it is measured, so it looks at no session. */
  | { kind: 'taken' }
  | { kind: 'collectGarbage' };

/**
 * `bare`: a server that counts bytes and does nothing else; what it costs, no program
 * on this Node.js can go below.
 */
export type Protocol = 'regnode' | 'json' | 'bare';

export interface Taken {
  readonly heartbeats: number;
  readonly samples: number;
  readonly cpuSeconds: number;
  /** Of them in the kernel. */
  readonly systemSeconds: number;
}

export interface FarEndState extends Taken {
  readonly connected: number;
  readonly accepted: number;
  readonly unexplained: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
}

const logger = pino({ level: 'silent' });
const sockets = new Set<Socket>();
const counts = { accepted: 0, heartbeats: 0, bytes: 0 };
const intake = new TelemetryIntake({ poolOf: () => 'bench' });
const servers = { regnode: startRegnode, json: startJson, bare: startBare };
let hub: TunnelHub | undefined;

async function obey(order: FarEndOrder): Promise<unknown> {
  switch (order.kind) {
    case 'listen':
      return listen(servers[order.protocol](order.identity));
    case 'cut':
      for (const socket of [...sockets].slice(0, order.nodes)) socket.destroy();
      return undefined;
    case 'collectGarbage':
      for (let round = 0; round < 3; round += 1) {
        global.gc?.();
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      return undefined;
    case 'state':
      return state();
    case 'taken':
      return taken();
  }
}

function taken(): Taken {
  const { user, system } = process.cpuUsage();
  const ofBare = Math.floor(counts.bytes / heartbeatWireBytes);
  return {
    heartbeats: counts.heartbeats + intake.self.heartbeats + ofBare,
    samples: intake.self.samples,
    cpuSeconds: (user + system) / 1e6,
    systemSeconds: system / 1e6,
  };
}

function state(): FarEndState {
  const memory = process.memoryUsage();
  return {
    ...taken(),
    connected: hub ? hub.figures.connected : sockets.size,
    accepted: counts.accepted,
    unexplained: intake.self.unexplained,
    residentBytes: memory.rss,
    heapBytes: memory.heapUsed,
  };
}

function startRegnode(identity: Identity | undefined): http.Server {
  const own = new TunnelHub({ logger, connectionsPerMinute: 1e9 });
  hub = own;
  own.onHeartbeat((node, payload) => intake.heartbeat(node, payload));
  own.onTelemetry((node, payload) => {
    const acknowledgement = intake.accept(node, payload);
    if (acknowledgement) own.acknowledgeTelemetry(node, acknowledgement);
  });
  const server = identity ? https.createServer(mutual(identity)) : http.createServer();
  server.on('upgrade', (request, socket, head) => {
    track(socket as Socket);
    const name = new URL(request.url ?? '', 'http://gateway').searchParams.get('node') ?? '';
    own.handleUpgrade(request, socket, head, { name, pool: 'bench' });
  });
  return server;
}

function startJson(): http.Server {
  const latest = new Map<string, { heartbeat: Heartbeat; atMs: number }>();
  const server = http.createServer();
  const upgrades = new WebSocketServer({ server, perMessageDeflate: false });
  upgrades.on('connection', (websocket, request) => {
    track(request.socket);
    const name = new URL(request.url ?? '', 'http://gateway').searchParams.get('node') ?? '';
    websocket.on('message', (payload: Buffer) => {
      const { heartbeat } = JSON.parse(payload.toString()) as { heartbeat: Heartbeat };
      latest.set(name, { heartbeat, atMs: performance.now() });
      counts.heartbeats += 1;
    });
  });
  return server;
}

/** A node's connection and its heartbeats, without a protocol. */
function startBare(identity: Identity | undefined): net.Server {
  const serve = (socket: Socket) => {
    track(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      counts.bytes += chunk.length;
    });
  };
  return identity ? tls.createServer(mutual(identity), serve) : net.createServer(serve);
}

function mutual(identity: Identity): tls.TlsOptions {
  return {
    cert: identity.certificatePem,
    key: identity.keyPem,
    ca: identity.caPem,
    requestCert: true,
    rejectUnauthorized: true,
  };
}

function track(socket: Socket): void {
  counts.accepted += 1;
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
}

process.on('message', ({ id, order }: { id: number; order: FarEndOrder }) => {
  obey(order).then(
    (result) => process.send?.({ id, result }),
    (error: Error) => process.send?.({ id, error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
