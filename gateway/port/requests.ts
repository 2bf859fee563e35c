// One request or upgrade at the public port: its route, who asks, and the answer. A refusal is
// counted and told to `onRefused`.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import { peerCertificate } from '../join/client-certificate.ts';
import { endWith } from '../tunnel/last-words.ts';
import { answerFault, faultFor } from './answer.ts';
import { httpStatus } from './http-status.ts';
import { addressOf, type Exchange, pathOf, type Route, type RouteTable } from './route.ts';

export async function answer(
  options: RouteTable,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const exchange = { request, response, path: pathOf(request), address: addressOf(request) };
  const route = options.routes.find(({ path }) =>
    path.endsWith('/') ? exchange.path.startsWith(path) : exchange.path === path,
  );
  const label = route?.path ?? 'unknown';
  const ours = isOurs(request);
  try {
    assertPace(options, request, exchange.address);
    if (!route?.methods.includes(request.method ?? '')) {
      throw new Fault('PATH_UNKNOWN', { method: request.method ?? '', path: exchange.path.slice(0, 120) });
    }
    await run(options, route, exchange);
    options.counters.requests.inc({ route: label, status: String(response.statusCode) });
  } catch (error) {
    if (response.destroyed) {
      // The peer went away in the middle of a download: its business.
      options.counters.requests.inc({ route: label, status: 'aborted' });
      return;
    }
    const fault = faultFor(error);
    if (fault !== error) tellFailure(options, error, label, 'request failed');
    options.onRefused(fault, exchange.address, exchange.path, ours);
    options.counters.requests.inc({ route: label, status: String(httpStatus(fault.code)) });
    // What is left of a body that was not read would hold up the connection.
    if (!request.complete && !response.headersSent) response.setHeader('connection', 'close');
    answerFault(response, fault);
  }
}

const isOurs = ({ socket }: IncomingMessage) => (socket as TLSSocket).authorized;

/**
 * Asked before anything is done. A certificate of ours may be that of a host that was removed: each has a
 * share of its own, and as it may have many, its address and all of them together have one, as strangers
 * have; a registered node has one for all of its certificates.
 */
function assertPace(table: RouteTable, request: IncomingMessage, address: string): void {
  const seconds = isOurs(request)
    ? certifiedSeconds(table, request.socket as TLSSocket, address)
    : (table.anonymous?.waitSeconds(address, Date.now()) ?? 0);
  if (seconds > 0) throw new Fault('TOO_MANY_REQUESTS', { address, seconds });
}

function certifiedSeconds(
  { certified, unlisted, nodeOf }: RouteTable,
  socket: TLSSocket,
  address: string,
): number {
  const node = nodeOf?.(socket);
  const who = node === undefined ? `serial ${peerCertificate(socket)?.serial}` : `node ${node}`;
  if (certified?.take(who, 1, Date.now()) ?? true)
    return node === undefined ? (unlisted?.waitSeconds(address, Date.now()) ?? 0) : 0;
  return certified?.waitSeconds(who, 1, Date.now()) ?? 0;
}

async function run(options: RouteTable, route: Route, exchange: Exchange): Promise<void> {
  if (route.access === 'anybody') return route.run(exchange);
  const certificate = peerCertificate(exchange.request.socket as TLSSocket);
  const identify = route.access === 'renewal' ? options.identifyForRenewal : options.identify;
  const node = await identify(certificate);
  if (certificate) await route.run(exchange, node, certificate);
}

export async function upgrade(
  options: RouteTable,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const path = pathOf(request);
  const ours = isOurs(request);
  const ignoreErrors = () => {};
  socket.on('error', ignoreErrors);
  try {
    assertPace(options, request, addressOf(request));
    if (path !== options.tunnelPath)
      throw new Fault('PATH_UNKNOWN', { method: 'upgrade', path: path.slice(0, 120) });
    const certificate = peerCertificate(socket as TLSSocket);
    const node = await options.identify(certificate);
    socket.off('error', ignoreErrors);
    options.counters.requests.inc({ route: path, status: '101' });
    if (certificate) options.onTunnel(request, socket, head, node, certificate);
  } catch (error) {
    const fault = faultFor(error);
    if (fault !== error) tellFailure(options, error, options.tunnelPath, 'upgrade failed');
    options.onRefused(fault, addressOf(request), path, ours);
    options.counters.requests.inc({ route: options.tunnelPath, status: String(httpStatus(fault.code)) });
    const body = `${JSON.stringify({ error: fault.toWire() })}\n`;
    endWith(
      socket,
      `HTTP/1.1 ${httpStatus(fault.code)} Refused\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}

/**
 * One that is the API server's or ours may come with every request of whoever asks without end:
 * once a minute for each kind.
 */
const failures = new RepeatFilter({ intervalMs: 60_000, remembered: 1_000 });

function tellFailure({ logger }: RouteTable, error: unknown, route: string, what: string): void {
  const kind = error instanceof Error ? `${error.name} ${error.message.slice(0, 120)}` : 'no error';
  const news = failures.news(`${route} ${kind}`, Date.now());
  if (news) logger.error({ err: error, route, ...news }, what);
}
