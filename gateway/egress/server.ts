// The HTTP CONNECT server for kube-apiserver's egress selector, on a unix socket that only the API server may
// open. The kubelet's port of a registered node is reached through its tunnel, and so is a pod of it
// (pod-ways.ts), but no other port of the node; what is no registered node's is dialled directly (direct.ts).
// 200 is answered when the far end is connected, never before.
import { chmod, rm } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import net, { type Socket } from 'node:net';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { background, tellDefect } from '../../protocol/defect.ts';
import type { StreamTarget } from '../../protocol/messages/session.ts';
import { auditOnce, type StreamAudit } from '../../protocol/tunnel/audit.ts';
import { realClock, type TunnelClock } from '../../protocol/tunnel/clock.ts';
import { formatPodTarget } from '../../protocol/tunnel/pod-target.ts';
import { refusedFor, resetSocket } from '../../protocol/tunnel/socket.ts';
import type { StreamEndpoint } from '../../protocol/tunnel/stream.ts';
import { answer, ConnectEndpoint, established, refuse } from './answer.ts';
import { type DirectWay, dialDirectly, directObjection } from './direct.ts';
import { usualKubeletPort } from './kubelet-port.ts';
import type { PodWay } from './pod-way.ts';
import { type ConnectTarget, formatConnectTarget, parseConnectTarget } from './target.ts';

/** A way to a node: its session here, or the replica that holds its tunnel. */
export interface EgressWay {
  readonly replica?: string | undefined;
  open(target: StreamTarget, endpoint: StreamEndpoint): () => void;
}

/** What the server needs of the hub. */
interface EgressHub {
  session(node: string): EgressWay | undefined;
}

export interface EgressOptions {
  readonly socketPath: string;
  readonly hub: EgressHub;
  /** The registered node whose own this name or address is. */
  readonly resolveNode: (hostOrAddress: string) => string | undefined;
  /** The port of its kubelet, which stands for the agent's target `kubelet`. */
  readonly kubeletPort?: (node: string) => number;
  /** What is dialled in no way for now: nobody can say yet whose it is. */
  readonly isClosed?: (target: ConnectTarget) => boolean;
  /** undefined: it leads to no pod that needs another way than the direct one. */
  readonly findPod?: (target: ConnectTarget) => Promise<PodWay | Fault | undefined>;
  /** null: what is no registered node's is refused. */
  readonly direct: DirectWay | null;
  readonly audit: (record: StreamAudit) => void;
  readonly logger: Logger;
  readonly clock?: TunnelClock;
  readonly connectionsLimit?: number;
  readonly headerTimeoutMs?: number;
  readonly directDialTimeoutMs?: number;
  /** Of an address of which only a kubelet says that it is a pod's. */
  readonly doubtedDialTimeoutMs?: number;
}

export interface Egress {
  readonly socketPath: string;
  close(): Promise<void>;
}

const headerLimitBytes = 8192;

const defaults = {
  kubeletPort: () => usualKubeletPort,
  isClosed: () => false,
  findPod: async () => undefined,
  connectionsLimit: 4096,
  headerTimeoutMs: 5000,
  directDialTimeoutMs: 10_000,
  doubtedDialTimeoutMs: 3_000,
};

export async function startEgress(options: EgressOptions): Promise<Egress> {
  const settings = { ...defaults, clock: realClock, ...options };
  const server = http.createServer({
    maxHeaderSize: headerLimitBytes,
    headersTimeout: settings.headerTimeoutMs,
    requestTimeout: settings.headerTimeoutMs,
    connectionsCheckingInterval: Math.max(100, Math.min(1000, settings.headerTimeoutMs / 2)),
    noDelay: true,
  });
  server.maxConnections = settings.connectionsLimit;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('request', (_request, response) => {
    response.writeHead(405, { Allow: 'CONNECT', Connection: 'close' }).end('Only CONNECT is served here.\n');
  });
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    connect(request.url ?? '', socket, head, settings);
  });
  await rm(settings.socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // A full backlog of a unix socket refuses at once instead of waiting.
    server.listen({ path: settings.socketPath, backlog: settings.connectionsLimit }, resolve);
  });
  await chmod(settings.socketPath, 0o600);
  return {
    socketPath: settings.socketPath,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

type Settings = Required<EgressOptions>;

function connect(url: string, socket: Socket, head: Buffer, settings: Settings): void {
  // Until it is joined with a stream, nobody else listens for the socket's errors.
  socket.on('error', () => {});
  const target = parseConnectTarget(url);
  if (!target) {
    answer(socket, 400, 'Bad Request', 'CONNECT wants host:port');
    return;
  }
  const node = settings.resolveNode(target.host);
  if (node !== undefined && target.port === settings.kubeletPort(node)) {
    throughTunnel({ node, target: 'kubelet', asked: target }, socket, head, settings);
  } else if (settings.isClosed(target)) {
    const detail = `it does not know yet whose ${formatConnectTarget(target)} is`;
    refuseTarget('', target, socket, new Fault('GATEWAY_UNAVAILABLE', { detail }), settings);
  } else {
    const carried = carryElsewhere(node, target, socket, head, settings);
    background('CONNECT', carried, (error) => {
      socket.destroy();
      tellDefect('CONNECT', error);
    });
  }
}

/** A pod of a registered node, by its own address or its Service's; or what is no registered node's. */
async function carryElsewhere(
  node: string | undefined,
  target: ConnectTarget,
  socket: Socket,
  head: Buffer,
  settings: Settings,
): Promise<void> {
  const way = await settings.findPod(target);
  if (socket.destroyed) return;
  if (way instanceof Fault) refuseTarget('', target, socket, way, settings);
  else if (way?.node !== undefined) {
    const carried = { node: way.node, target: formatPodTarget(way.pod), asked: target };
    throughTunnel(carried, socket, head, settings);
  } else if (node !== undefined) {
    const port = settings.kubeletPort(node);
    const fault = new Fault('TUNNEL_PORT_REFUSED', { ...named(target), node, port });
    refuseTarget(node, target, socket, fault, settings);
  } else if (settings.direct) directly(way ?? { instead: target }, socket, head, settings.direct, settings);
  else refuseTarget('', target, socket, new Fault('TUNNEL_TARGET_UNKNOWN', named(target)), settings);
}

const named = (target: ConnectTarget) => ({ target: formatConnectTarget(target) });

function refuseTarget(
  node: string,
  target: ConnectTarget,
  socket: Socket,
  fault: Fault,
  settings: Settings,
): void {
  const asked = formatConnectTarget(target);
  const streamTarget = { target: asked, reason: `kube-apiserver CONNECT ${asked}` };
  const over = auditOnce({ node, target: streamTarget, address: '' }, 'opener', settings);
  over(refusedFor(fault), undefined);
  refuse(socket, fault);
}

interface Carried {
  readonly node: string;
  /** As its agent knows it. */
  readonly target: string;
  readonly asked: ConnectTarget;
}

function throughTunnel(carried: Carried, socket: Socket, head: Buffer, settings: Settings): void {
  const { node, target } = carried;
  const asked = formatConnectTarget(carried.asked);
  const streamTarget = { target, reason: `kube-apiserver CONNECT ${asked}` };
  const way = settings.hub.session(node);
  const replica = way?.replica === undefined ? {} : { replica: way.replica };
  const over = auditOnce({ node, target: streamTarget, address: asked, ...replica }, 'opener', settings);
  if (!way) {
    const fault = new Fault('TUNNEL_NODE_NOT_CONNECTED', { node });
    over(refusedFor(fault), undefined);
    refuse(socket, fault);
    return;
  }
  const giveUp = way.open(streamTarget, new ConnectEndpoint(socket, head, over));
  socket.once('close', giveUp);
}

function directly(
  { instead: target, otherwise }: Extract<PodWay, { readonly node?: undefined }>,
  socket: Socket,
  head: Buffer,
  way: DirectWay,
  settings: Settings,
): void {
  const asked = formatConnectTarget(target);
  const detail = net.isIP(target.host) === 0 ? undefined : directObjection(target.host, target.port, way);
  if (detail !== undefined) {
    const fault = new Fault('TUNNEL_TARGET_FORBIDDEN', { target: asked, detail });
    refuseTarget('', target, socket, fault, settings);
    return;
  }
  const streamTarget = { target: asked, reason: `kube-apiserver CONNECT ${asked}` };
  const over = auditOnce({ node: '', target: streamTarget, address: asked }, 'opener', settings);
  const far = dialDirectly(target, way);
  const { directDialTimeoutMs, doubtedDialTimeoutMs } = settings;
  const dialTimeoutMs = otherwise === undefined ? directDialTimeoutMs : doubtedDialTimeoutMs;
  const timer = settings.clock.after(dialTimeoutMs, () => {
    far.destroy(new Error(`no answer within ${dialTimeoutMs} ms`));
  });
  let connected = false;
  far.once('connect', () => {
    connected = true;
    timer.cancel();
    socket.write(established);
    far.write(head);
    socket.pipe(far).pipe(socket);
  });
  far.on('error', (error) => {
    timer.cancel();
    const detail = error.message;
    if (connected) resetSocket(socket);
    else refuse(socket, otherwise ?? new Fault('TUNNEL_TARGET_UNREACHABLE', { target: asked, detail }));
    over({ outcome: connected ? 'reset' : 'refused', detail: error.message }, undefined);
  });
  far.once('close', () => over({ outcome: 'completed', detail: '' }, bytesOf(far)));
  socket.once('close', () => far.destroy());
}

function bytesOf(far: Socket): { id: number; sentBytes: number; receivedBytes: number } {
  return { id: 0, sentBytes: far.bytesWritten, receivedBytes: far.bytesRead };
}
