// The cloud side of the gateway's benchmark, a process of its own: the real hub and the real intake, wired as
// gateway/serve does it, or what somebody would write instead: a ws server that parses JSON heartbeats. It counts what
// it took and says what that cost. Nodes are told apart by the path; the certificate is checked all the same.
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { pino } from 'pino';
import { WebSocketServer } from 'ws';
import { TelemetryIntake } from '../../../gateway/telemetry/intake.ts';
import { TunnelHub } from '../../../gateway/tunnel/hub.ts';
import type { Heartbeat } from '../../../protocol/control.ts';
import { listen } from '../tunnel/load.ts';
import type { Identity } from '../tunnel/role.ts';

export type FarEndOrder =
  | { kind: 'listen'; protocol: Protocol; identity: Identity | undefined }
  /** Cuts the connections of so many nodes, as a network does. */
  | { kind: 'cut'; nodes: number }
  | { kind: 'state' }
  | { kind: 'collectGarbage' };

export type Protocol = 'regnode' | 'json';

export interface FarEndState {
  readonly connected: number;
  readonly accepted: number;
  readonly heartbeats: number;
  readonly samples: number;
  readonly unexplained: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
}

const logger = pino({ level: 'silent' });
const sockets = new Set<Socket>();
const counts = { accepted: 0, heartbeats: 0 };
const intake = new TelemetryIntake({ poolOf: () => 'bench' });
let hub: TunnelHub | undefined;

async function obey(order: FarEndOrder): Promise<unknown> {
  switch (order.kind) {
    case 'listen':
      return listen(order.protocol === 'regnode' ? startRegnode(order.identity) : startJson());
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
  }
}

function state(): FarEndState {
  const { user, system } = process.cpuUsage();
  const memory = process.memoryUsage();
  return {
    connected: hub ? hub.figures.connected : sockets.size,
    accepted: counts.accepted,
    heartbeats: counts.heartbeats + intake.self.heartbeats,
    samples: intake.self.samples,
    unexplained: intake.self.unexplained,
    cpuSeconds: (user + system) / 1e6,
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
  const server = identity
    ? https.createServer({
        cert: identity.certificatePem,
        key: identity.keyPem,
        ca: identity.caPem,
        requestCert: true,
        rejectUnauthorized: true,
      })
    : http.createServer();
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
