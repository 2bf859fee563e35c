// The status port: plain HTTP on loopback by default, for Prometheus, probes and people on the machine. Reads only.
//
//   /metrics      Prometheus text: the gateway's own metrics, then every node's
//   /nodes        JSON: each registered node with its tunnel and latest heartbeat; /nodes/NAME one of them
//   /healthz      the process answers;  /readyz  it can also serve joins
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { RegisteredNode } from '../nodes/node.ts';
import type { Tunnels } from '../nodes/tunnels.ts';
import { answerJson, answerText } from './answer.ts';
import { listen } from './listen.ts';

export interface StatusPortOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly registry: Registry;
  readonly nodeMetrics: () => string;
  readonly latest: (nodeName: string) => unknown;
  readonly registered: () => Iterable<RegisteredNode>;
  readonly tunnels: Tunnels;
  /** Why this gateway is not ready, or undefined. */
  readonly notReady: () => string | undefined;
}

export interface StatusPort {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

export async function openStatusPort(options: StatusPortOptions): Promise<StatusPort> {
  const server = http.createServer({ requestTimeout: 10_000, maxHeaderSize: 8192 }, (request, response) => {
    answer(options, (request.url ?? '/').split('?', 1)[0] ?? '/', response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else answerJson(response, 500, { error: String(error) });
    });
  });
  const address = await listen(server, options.listen);
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  options: StatusPortOptions,
  path: string,
  response: http.ServerResponse,
): Promise<void> {
  if (path === '/metrics') {
    const own = await options.registry.metrics();
    answerText(response, options.registry.contentType, `${own}${options.nodeMetrics()}`);
  } else if (path === '/healthz') {
    answerText(response, 'text/plain', 'ok\n');
  } else if (path === '/readyz') {
    const reason = options.notReady();
    if (reason) answerJson(response, 503, { ready: false, reason });
    else answerText(response, 'text/plain', 'ok\n');
  } else if (path === '/nodes') {
    answerJson(response, 200, {
      nodes: [...options.registered()].map((node) => describe(options, node)),
    });
  } else if (path.startsWith('/nodes/')) {
    const name = path.slice('/nodes/'.length);
    for (const node of options.registered()) {
      if (node.metadata.name === name) return answerJson(response, 200, describe(options, node));
    }
    answerJson(response, 404, { error: `no registered node ${name}` });
  } else {
    answerJson(response, 404, { error: 'see /metrics /nodes /nodes/NAME /healthz /readyz' });
  }
}

function describe(options: StatusPortOptions, node: RegisteredNode): object {
  const { name } = node.metadata;
  const tunnel = options.tunnels.get(name);
  return {
    name,
    pool: node.spec.pool,
    phase: node.status?.phase ?? null,
    ready: node.status?.ready ?? null,
    tunnel: {
      /** Here, at this replica. */
      state: tunnel?.session.state ?? 'Absent',
      connected: tunnel?.connected ?? false,
      since: tunnel ? new Date(tunnel.sinceMs).toISOString() : null,
      gateway: node.status?.tunnel?.gateway ?? null,
    },
    latest: options.latest(name) ?? null,
  };
}
