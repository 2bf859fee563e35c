// One HTTPS request that looks at the way there: times, certificate, the server's clock. It accepts any
// certificate, reports whether it should be believed, and therefore sends nothing but a bare GET.
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { HttpsProbe, HttpsProbeOptions } from './host.ts';

export async function probeHttps(url: string, options: HttpsProbeOptions): Promise<HttpsProbe> {
  const target = new URL(url);
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  const startedMs = performance.now();
  const { socket: tcp, proxyMs } = await openSocket(target, options.proxyUrl, signal);
  const connectedMs = performance.now();
  try {
    const tls = await handshake(tcp, target, options.caPem, signal);
    const securedMs = performance.now();
    const certificate = tls.getPeerCertificate();
    const answer = await get(tls, target, signal);
    return {
      connectMs: connectedMs - startedMs - (proxyMs ?? 0),
      ...(proxyMs !== undefined && { proxyMs }),
      handshakeMs: securedMs - connectedMs,
      trusted: tls.authorized,
      distrust: tls.authorized ? '' : distrustOf(tls),
      validFromMs: Date.parse(certificate.valid_from),
      validUntilMs: Date.parse(certificate.valid_to),
      ...answer,
    };
  } catch (error) {
    throw timeout.aborted ? timedOut(target, options.timeoutMs) : error;
  } finally {
    tcp.destroy();
  }
}

interface Opened {
  readonly socket: Socket;
  /** Only through a proxy: from its connection to its answer. */
  readonly proxyMs?: number;
}

async function openSocket(target: URL, proxyUrl: string | undefined, signal: AbortSignal): Promise<Opened> {
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const port = Number(target.port || 443);
  if (proxyUrl) return openThroughProxy(new URL(proxyUrl), `${target.hostname}:${port}`, signal);
  const socket = connectTcp({ host, port });
  try {
    await once(socket, 'connect', { signal });
    return { socket };
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? timedOut(target, undefined) : error;
  }
}

async function openThroughProxy(proxy: URL, authority: string, signal: AbortSignal): Promise<Opened> {
  const request = httpRequest({
    host: proxy.hostname,
    port: Number(proxy.port || 3128),
    method: 'CONNECT',
    path: authority,
    signal,
    ...(proxy.username && {
      auth: `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`,
    }),
  });
  let reachedMs = performance.now();
  request.once('socket', (socket) =>
    socket.once('connect', () => {
      reachedMs = performance.now();
    }),
  );
  request.end();
  const [response, socket] = (await once(request, 'connect', { signal })) as [
    { statusCode?: number },
    Socket,
  ];
  if (response.statusCode === 200) return { socket, proxyMs: performance.now() - reachedMs };
  socket.destroy();
  throw Object.assign(new Error(`the proxy answered ${response.statusCode}`), { code: 'EPROXY' });
}

async function handshake(
  socket: Socket,
  target: URL,
  caPem: string | undefined,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const host = target.hostname.replace(/^\[|\]$/g, '');
  const tls = connectTls({
    socket,
    host,
    ...(caPem && { ca: caPem }),
    ...(!/^[\d.]+$|:/.test(host) && { servername: host }),
    rejectUnauthorized: false,
  });
  // What comes after the answer was read does not matter; before it, `once` throws it.
  tls.on('error', () => {});
  await once(tls, 'secureConnect', { signal });
  return tls;
}

async function get(
  tls: TLSSocket,
  target: URL,
  signal: AbortSignal,
): Promise<Pick<HttpsProbe, 'status' | 'serverTimeMs' | 'hostTimeMs' | 'answerMs'>> {
  // No agent, or it would open a connection of its own.
  const request = httpRequest({
    createConnection: () => tls,
    path: target.pathname,
    headers: { host: target.host, connection: 'close' },
    signal,
  });
  const [askedMs, startedMs] = [Date.now(), performance.now()];
  request.end();
  const [response] = (await once(request, 'response', { signal })) as [IncomingMessage];
  const answeredMs = Date.now();
  const answerMs = performance.now() - startedMs;
  response.destroy();
  const serverTimeMs = Date.parse(response.headers.date ?? '');
  return {
    status: response.statusCode ?? 0,
    answerMs,
    // The Date header was written half-way between question and answer, and has no
    // fractions: add half a second.
    ...(Number.isFinite(serverTimeMs) && { serverTimeMs: serverTimeMs + 500 }),
    hostTimeMs: (askedMs + answeredMs) / 2,
  };
}

function distrustOf(tls: TLSSocket): string {
  const error: unknown = tls.authorizationError;
  return error instanceof Error ? ((error as { code?: string }).code ?? error.message) : String(error);
}

function timedOut(target: URL, timeoutMs: number | undefined): Error {
  const limit = timeoutMs === undefined ? '' : ` within ${timeoutMs} ms`;
  return Object.assign(new Error(`no answer from ${target.host}${limit}`), { code: 'ETIMEDOUT' });
}
