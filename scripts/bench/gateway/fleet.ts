// Thousands of simulated nodes in one process: each is the agent's own end of the tunnel (agent/tunnel), or a
// plain ws client for the JSON contender. What they say is made up, how they say it is not. Sending is spread
// over time, so that heartbeats arrive as they do from nodes that know nothing of each other.
import { once } from 'node:events';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { createTunnel, type Tunnel } from '../../../agent/tunnel/tunnel.ts';
import type { Heartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { encodeHeartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import type { Identity } from '../tunnel/role.ts';
import { openBare } from './bare-node.ts';
import type { Protocol } from './far-end.ts';
import { SampleSource } from './sample-source.ts';

export type FleetOrder =
  | {
      kind: 'connect';
      protocol: Protocol;
      url: string;
      identity: Identity | undefined;
      first: number;
      count: number;
    }
  | {
      kind: 'send';
      protocol: Protocol;
      url: string;
      what: 'heartbeats' | 'samples';
      nodes: number;
      perSecond: number;
      seconds: number;
    }
  /** One heartbeat of each of the first nodes, as fast as it goes. */
  | { kind: 'wave'; url: string; nodes: number }
  | { kind: 'disconnect'; url: string };

interface SimulatedNode {
  heartbeat(): void;
  samples(): void;
  close(): void;
}

const logger = pino({ level: 'silent' });
/** By the URL of their gateway. */
const nodes = new Map<string, SimulatedNode[]>();
const atOnce = 50;
const tickMs = 5;

async function obey(order: FleetOrder): Promise<unknown> {
  switch (order.kind) {
    case 'connect':
      return connect(order);
    case 'send':
      return send(order);
    case 'wave':
      return wave(order);
    case 'disconnect':
      for (const node of nodes.get(order.url) ?? []) node.close();
      nodes.delete(order.url);
      return undefined;
  }
}

async function connect(order: Extract<FleetOrder, { kind: 'connect' }>): Promise<void> {
  const connected = nodes.get(order.url) ?? [];
  nodes.set(order.url, connected);
  for (let first = 0; first < order.count; first += atOnce) {
    const names = Array.from(
      { length: Math.min(atOnce, order.count - first) },
      (_, index) => `node-${order.first + first + index}`,
    );
    const open = { regnode: openReal, json: openJson, bare: openStill }[order.protocol];
    connected.push(...(await Promise.all(names.map((name) => open(order, name)))));
  }
}

/**
 * The first nodes, each `perSecond` times a second, in an order without bursts; the number of what was sent.
 */
async function send(order: Extract<FleetOrder, { kind: 'send' }>): Promise<number> {
  const all = (nodes.get(order.url) ?? []).slice(0, order.nodes);
  const startedMs = performance.now();
  let sent = 0;
  for (;;) {
    const elapsedMs = performance.now() - startedMs;
    const due = Math.floor((Math.min(elapsedMs, order.seconds * 1000) / 1000) * order.perSecond * all.length);
    for (; sent < due; sent += 1) {
      const node = all[sent % all.length] as SimulatedNode;
      if (order.what === 'heartbeats') node.heartbeat();
      else node.samples();
    }
    if (elapsedMs >= order.seconds * 1000) return sent;
    await new Promise((resolve) => setTimeout(resolve, tickMs));
  }
}

/** Resolves when what was said lies in the sockets of the far end. */
async function wave(order: Extract<FleetOrder, { kind: 'wave' }>): Promise<void> {
  for (const node of (nodes.get(order.url) ?? []).slice(0, order.nodes)) node.heartbeat();
  await new Promise((resolve) => setTimeout(resolve, 50));
}

async function openReal(
  { url, identity }: { url: string; identity: Identity | undefined },
  name: string,
): Promise<SimulatedNode> {
  const abort = new AbortController();
  const tunnel = createTunnel({
    url: `${url}/v1/tunnel?node=${name}`,
    caPem: identity?.caPem ?? '',
    certificatePem: identity?.certificatePem ?? '',
    keyPem: identity?.keyPem ?? '',
    nodeName: name,
    resolveTarget: () => undefined,
    audit: () => {},
    logger,
    signal: abort.signal,
    environment: {},
  });
  tunnel.connect();
  await opened(tunnel);
  const source = new SampleSource(name, tunnel.telemetry);
  return {
    heartbeat: () => tunnel.telemetry.setHeartbeat(encodeHeartbeat(someHeartbeat())),
    samples: () => source.send(),
    close: () => abort.abort(),
  };
}

async function openStill({
  url,
  identity,
}: {
  url: string;
  identity: Identity | undefined;
}): Promise<SimulatedNode> {
  return { ...(await openBare(url, identity)), samples: () => {} };
}

function opened(tunnel: Tunnel): Promise<void> {
  return new Promise((resolve) => {
    tunnel.onStateChange((state) => {
      if (state === 'Open') resolve();
    });
  });
}

async function openJson({ url }: { url: string }, name: string): Promise<SimulatedNode> {
  const websocket = new WebSocket(`${url.replace('http', 'ws')}/?node=${name}`, { perMessageDeflate: false });
  await once(websocket, 'open');
  return {
    heartbeat: () =>
      websocket.send(JSON.stringify({ type: 'heartbeat', node: name, heartbeat: someHeartbeat() })),
    samples: () => {},
    close: () => websocket.terminate(),
  };
}

function someHeartbeat(): Heartbeat {
  return {
    sentAtMs: Date.now(),
    uptimeSeconds: Math.round(performance.now() / 1000),
    load1: Math.random() * 8,
    cpuUsedRatio: Math.random(),
    memoryTotalBytes: 68_719_476_736,
    memoryAvailableBytes: Math.round(Math.random() * 6e10),
    diskFreeBytes: 412_316_860_416,
    kubeletHealthy: true,
    containerdHealthy: true,
    ring: { produced: 120_000, acknowledged: 119_990, pending: 10, lost: 0 },
  };
}

process.on('message', ({ id, order }: { id: number; order: FleetOrder }) => {
  obey(order).then(
    (result) => process.send?.({ id, result }),
    (error: Error) => process.send?.({ id, error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
