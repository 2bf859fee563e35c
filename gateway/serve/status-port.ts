// The status port: plain HTTP on loopback by default, for Prometheus, probes and people on the machine.
// Reads only. Whichever replica is asked, the answer about a node or another replica is the same; /metrics
// and /nodes speak of this one.
//
//   /metrics      Prometheus text: this replica's own metrics, then those of every node whose tunnel is here
//   /nodes        JSON: each registered node with its tunnel and latest heartbeat; /nodes/NAME one of them
//   /nodes/NAME/metrics      that node's values
//   /nodes/NAME/kubelet/metrics[/cadvisor|/resource|/probes]   that node's kubelet, through its tunnel
//   /replicas     JSON: the replicas of the gateway, as this one sees them
//   /replicas/NAME/metrics   the own metrics of one
//   /discovery/nodes   /discovery/kubelets[?path=/metrics/cadvisor]   /discovery/gateways
//                 all of those, for http_sd_configs
//   /healthz      the process answers;  /readyz  it can also serve joins
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { Fault } from '../../protocol/catalogue/fault.ts';
import {
  gatewayTargets,
  hostOf,
  kubeletTargets,
  nodeTargets,
  type TargetGroup,
} from '../discovery/targets.ts';
import { type KubeletScrapes, kubeletPaths } from '../kubelets/scrape.ts';
import { answerFault, answerJson, answerText, faultFor } from '../port/answer.ts';
import { boundConnections } from '../port/connections.ts';
import { limits, statusPlaces } from '../port/limits.ts';
import { listen } from '../port/listen.ts';
import { type Begin, inTurn } from '../port/turns.ts';
import type { Replica } from '../replicas/roster.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import type { MetricsPages } from './metrics-pages.ts';
import { describeNode, type NodeView } from './node-description.ts';
import type { ScrapeAccess } from './scrape-access.ts';

export interface StatusPortOptions extends NodeView {
  readonly listen: { readonly host: string; readonly port: number };
  readonly pages: Pick<MetricsPages, 'contentType' | 'here' | 'node' | 'replica'>;
  readonly registered: () => Iterable<RegisteredNode>;
  readonly node: (name: string) => RegisteredNode | undefined;
  readonly replicas: () => readonly Replica[];
  /** Why this gateway is not ready, or undefined. */
  readonly notReady: () => string | undefined;
  readonly access: ScrapeAccess;
  readonly logger: Logger;
  readonly onCrowded?: (reason: string) => void;
  readonly kubelets: Pick<KubeletScrapes, 'scrape'>;
}

export interface StatusPort {
  readonly address: AddressInfo;
  close(): Promise<void>;
}

export async function openStatusPort(options: StatusPortOptions): Promise<StatusPort> {
  const begin: Begin = (request, response) => {
    answer(options, request, response).catch((error: unknown) => answerFault(response, faultFor(error)));
  };
  const server = http.createServer(
    { requestTimeout: 10_000, maxHeaderSize: 8192 },
    inTurn(begin, limits.waitingRequests, () => options.onCrowded?.('pipelined')),
  );
  server.maxConnections = statusPlaces.strangers + 64;
  const connections = boundConnections(server, {
    limits: statusPlaces,
    count: (reason) => options.onCrowded?.(reason),
    logger: options.logger,
  });
  const address = await listen(server, options.listen, '--metrics-listen');
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        connections.close();
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
  const isDiscovery = path.startsWith('/discovery/');
  await options.access.check(request, kubelet !== null || isDiscovery);
  const { pages } = options;
  const [, kind, name = ''] = /^\/(nodes|replicas)\/([^/]+)\/metrics$/.exec(path) ?? [];
  if (path === '/metrics') answerText(response, pages.contentType, await pages.here());
  else if (kind === 'nodes') {
    if (options.node(name) === undefined) throw new Fault('NODE_NOT_FOUND', { name });
    answerText(response, pages.contentType, await pages.node(name));
  } else if (kind === 'replicas') answerText(response, pages.contentType, await pages.replica(name));
  else if (isDiscovery) answerJson(response, 200, discovered(options, request, path, query));
  else if (kubelet !== null) await scrapeKubelet(options, request, response, kubelet);
  else if (path === '/replicas') {
    answerJson(response, 200, { gateway: options.gateway, replicas: options.replicas() });
  } else answerNodes(options, path, response);
}

function discovered(
  options: StatusPortOptions,
  request: http.IncomingMessage,
  path: string,
  query: string,
): TargetGroup[] {
  const gateway = hostOf(request.headers.host) ?? `${options.listen.host}:${options.listen.port}`;
  switch (path) {
    case '/discovery/nodes':
      return nodeTargets(options.registered(), gateway);
    case '/discovery/gateways':
      return gatewayTargets(options.replicas(), gateway);
    case '/discovery/kubelets': {
      const only = new URLSearchParams(query).get('path');
      const paths = kubeletPaths.filter((one) => only === null || one === only);
      if (paths.length > 0) return kubeletTargets(options.registered(), gateway, paths);
    }
  }
  throw new Fault('PATH_UNKNOWN', { method: 'GET', path: `${path}${query && `?${query}`}`.slice(0, 120) });
}

async function scrapeKubelet(
  options: StatusPortOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  [path, name = '', asked]: RegExpExecArray,
): Promise<void> {
  const metricsPath = kubeletPaths.find((one) => one === asked);
  if (metricsPath === undefined) throw new Fault('PATH_UNKNOWN', { method: 'GET', path });
  if (options.node(name) === undefined) throw new Fault('NODE_NOT_FOUND', { name });
  await options.kubelets.scrape(name, metricsPath, request, response);
}

function answerNodes(options: StatusPortOptions, path: string, response: http.ServerResponse): void {
  if (path === '/nodes') {
    const nodes = [...options.registered()].map((node) => describeNode(options, node));
    answerJson(response, 200, { gateway: options.gateway, nodes });
    return;
  }
  if (path.startsWith('/nodes/')) {
    const name = path.slice('/nodes/'.length);
    const node = options.node(name);
    if (node) answerJson(response, 200, describeNode(options, node));
    else answerJson(response, 404, { error: `no registered node ${name}` });
    return;
  }
  const known =
    '/metrics /nodes /nodes/NAME[/metrics] /nodes/NAME/kubelet/metrics /replicas /replicas/NAME/metrics';
  answerJson(response, 404, {
    error: `see ${known} /discovery/nodes /discovery/kubelets /discovery/gateways /healthz /readyz`,
  });
}
