// The status port: plain HTTP on loopback by default, for Prometheus, probes and people on the machine. Reads only.
//
//   /metrics      Prometheus text: the gateway's own metrics, then every node's
//   /nodes        JSON: each registered node with its tunnel and latest heartbeat; /nodes/NAME one of them
//   /nodes/NAME/kubelet/metrics[/cadvisor|/resource|/probes]   that node's kubelet, through its tunnel
//   /discovery/kubelets[?path=/metrics/cadvisor]   all of those, for http_sd_config
//   /replicas     JSON: the replicas of the gateway, as this one sees them
//   /healthz      the process answers;  /readyz  it can also serve joins
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { Fault } from '../../protocol/fault.ts';
import { hostOf, kubeletTargets } from '../kubelets/discovery.ts';
import { type KubeletScrapes, kubeletPaths } from '../kubelets/scrape.ts';
import type { RegisteredNode } from '../nodes/node.ts';
import type { Tunnels } from '../nodes/tunnels.ts';
import type { Replica } from '../replicas/roster.ts';
import { answerFault, answerJson, answerText, faultFor } from './answer.ts';
import { listen } from './listen.ts';
import type { ScrapeAccess } from './scrape-access.ts';

export interface StatusPortOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly registry: Registry;
  readonly nodeMetrics: () => string;
  readonly latest: (nodeName: string) => unknown;
  readonly registered: () => Iterable<RegisteredNode>;
  readonly tunnels: Tunnels;
  /** Name of this replica, and all of them. */
  readonly gateway: string;
  readonly replicas: () => readonly Replica[];
  /** The live replica that holds a node's tunnel. */
  readonly holderOf: (node: RegisteredNode) => string | undefined;
  /** Why this gateway is not ready, or undefined. */
  readonly notReady: () => string | undefined;
  readonly access: ScrapeAccess;
  readonly kubelets: Pick<KubeletScrapes, 'scrape'>;
}

export interface StatusPort {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

export async function openStatusPort(options: StatusPortOptions): Promise<StatusPort> {
  const server = http.createServer({ requestTimeout: 10_000, maxHeaderSize: 8192 }, (request, response) => {
    answer(options, request, response).catch((error: unknown) => answerFault(response, faultFor(error)));
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
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  if (path === '/healthz') return answerText(response, 'text/plain', 'ok\n');
  if (path === '/readyz') {
    const reason = options.notReady();
    if (reason) return answerJson(response, 503, { ready: false, reason });
    return answerText(response, 'text/plain', 'ok\n');
  }
  const kubelet = /^\/nodes\/([^/]+)\/kubelet(\/metrics(?:\/[a-z]+)?)$/.exec(path);
  const isDiscovery = path === '/discovery/kubelets';
  await options.access.check(request, kubelet !== null || isDiscovery);
  if (path === '/metrics') {
    const own = await options.registry.metrics();
    answerText(response, options.registry.contentType, `${own}${options.nodeMetrics()}`);
  } else if (path === '/nodes') {
    answerJson(response, 200, {
      gateway: options.gateway,
      nodes: [...options.registered()].map((node) => describe(options, node)),
    });
  } else if (isDiscovery) {
    const gateway = hostOf(request.headers.host) ?? `${options.listen.host}:${options.listen.port}`;
    const only = new URLSearchParams(query).get('path');
    const onlyPath = kubeletPaths.find((one) => one === only);
    if (only !== null && onlyPath === undefined)
      throw new Fault('PATH_UNKNOWN', { method: 'GET', path: only });
    answerJson(response, 200, kubeletTargets(options.registered(), gateway, onlyPath));
  } else if (kubelet !== null) {
    const [, name = '', asked] = kubelet;
    const metricsPath = kubeletPaths.find((one) => one === asked);
    if (metricsPath === undefined) throw new Fault('PATH_UNKNOWN', { method: 'GET', path });
    if (find(options, name) === undefined) throw new Fault('NODE_NOT_FOUND', { name });
    await options.kubelets.scrape(name, metricsPath, request, response);
  } else if (path === '/replicas') {
    answerJson(response, 200, { gateway: options.gateway, replicas: options.replicas() });
  } else if (path.startsWith('/nodes/')) {
    const name = path.slice('/nodes/'.length);
    const node = find(options, name);
    if (node) answerJson(response, 200, describe(options, node));
    else answerJson(response, 404, { error: `no registered node ${name}` });
  } else {
    answerJson(response, 404, {
      error:
        'see /metrics /nodes /nodes/NAME /nodes/NAME/kubelet/metrics /replicas /discovery/kubelets /healthz /readyz',
    });
  }
}

function find({ registered }: StatusPortOptions, name: string): RegisteredNode | undefined {
  for (const node of registered()) if (node.metadata.name === name) return node;
  return undefined;
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
      /** Which replica had it last, by the registration; and which holds it now. */
      gateway: node.status?.tunnel?.gateway ?? null,
      holder: (tunnel?.connected ? options.gateway : options.holderOf(node)) ?? null,
    },
    latest: options.latest(name) ?? null,
  };
}
