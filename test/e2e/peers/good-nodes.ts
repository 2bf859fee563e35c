// Nodes that do nothing wrong, as many as the test wants: each joins, holds a tunnel with the agent's own
// code, sends a heartbeat every second, and has an echo where its kubelet would be. A program for Peer.
import net, { type AddressInfo } from 'node:net';
import { pino } from 'pino';
import { createTunnel, type Tunnel } from '../../../agent/tunnel/tunnel.ts';
import { encodeHeartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { joinAs, type Way } from './joining.ts';
import { obey } from './peer.ts';

type GoodOrder =
  | ({ readonly kind: 'join'; readonly names: readonly string[] } & Way)
  | { readonly kind: 'state' };

export interface GoodState {
  readonly name: string;
  readonly state: string;
  readonly attempts: number;
  readonly resumptions: number;
  /** Of the last PING that the gateway answered. */
  readonly roundTripMs: number | undefined;
}

const heartbeatIntervalMs = 1000;
const logger = pino({ level: process.env.TUNNEL_LOG ?? 'silent' }, process.stderr);
const tunnels = new Map<string, Tunnel>();
const echo = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
echo.listen(0, '127.0.0.1');

async function open(name: string, way: Way): Promise<void> {
  const tunnel = createTunnel({
    url: way.url,
    ...(await joinAs(name, way)),
    nodeName: name,
    resolveTarget: ({ target }) =>
      target === 'kubelet' ? { host: '127.0.0.1', port: (echo.address() as AddressInfo).port } : undefined,
    audit: () => {},
    logger,
    signal: new AbortController().signal,
    environment: {},
  });
  tunnel.connect();
  tunnels.set(name, tunnel);
  const beat = () =>
    tunnel.telemetry.setHeartbeat(
      encodeHeartbeat({
        sentAtMs: Date.now(),
        uptimeSeconds: process.uptime(),
        load1: 0,
        cpuUsedRatio: 0,
        memoryTotalBytes: 1,
        memoryAvailableBytes: 1,
        diskFreeBytes: 1,
        kubeletHealthy: true,
        containerdHealthy: true,
        ring: { produced: 0, acknowledged: 0, pending: 0, lost: 0 },
      }),
    );
  beat();
  setInterval(beat, heartbeatIntervalMs);
  if (tunnel.state === 'Open') return;
  await new Promise<void>((resolve) => {
    tunnel.onStateChange((state) => {
      if (state === 'Open') resolve();
    });
  });
}

obey<GoodOrder>(async (order) => {
  if (order.kind === 'join') {
    for (const name of order.names) await open(name, order);
    return undefined;
  }
  return [...tunnels].map(([name, { state, status }]): GoodState => {
    const { attempts, resumptions, roundTripMs } = status;
    return { name, state, attempts, resumptions, roundTripMs };
  });
});
