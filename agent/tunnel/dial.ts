// One attempt to reach the gateway: TCP (or CONNECT through a proxy), TLS with the node's certificate,
// websocket. A failure says whether anybody answered at all, since that decides how soon to try again.
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { background } from '../../protocol/defect.ts';
import { parseJson, peerDepthLimit } from '../../protocol/json.ts';
import { subprotocol, type TunnelLimits } from '../../protocol/tunnel/limits.ts';
import type { Transport } from '../../protocol/tunnel/transport.ts';
import { WebsocketTransport, websocketOptions } from '../../protocol/tunnel/websocket.ts';
import { connectThroughProxy, proxyFor } from '../config/proxy.ts';
import { detailOf } from '../host/network-faults.ts';
import { addressTimeoutMs, type GatewayAddresses } from './addresses.ts';

export interface TunnelIdentity {
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface DialOptions extends TunnelIdentity {
  readonly url: URL;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly limits: TunnelLimits;
  readonly addresses: GatewayAddresses;
}

export class DialFailure extends Error {
  readonly fault: Fault;
  /** Nobody answered: no packet came back, as opposed to a refusal. */
  readonly silent: boolean;

  constructor(fault: Fault, silent: boolean) {
    super(fault.message, { cause: fault });
    this.fault = fault;
    this.silent = silent;
  }
}

const silentCodes = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL']);
const refusalLimitBytes = 4096;

/** The websocket URL of a gateway that may be given as `https://host[:port]`. */
export function tunnelUrl(gateway: string): URL {
  const url = new URL(gateway);
  if (url.protocol === 'https:') url.protocol = 'wss:';
  if (url.protocol === 'http:') url.protocol = 'ws:';
  if (url.pathname === '/' || url.pathname === '') url.pathname = '/v1/tunnel';
  return url;
}

export async function dialGateway(options: DialOptions): Promise<Transport> {
  const { url, limits, addresses } = options;
  let address: string | undefined;
  try {
    const proxy = proxyFor(url, options.environment);
    const tcp = await connectTcp(proxy ?? hostAndPort(url), options);
    address = tcp.remoteAddress;
    if (proxy) await connectThroughProxy(tcp, proxy, hostAndPort(url), limits.upgradeTimeoutMs);
    const transport = await upgrade(tcp, options);
    addresses.worked(address);
    return transport;
  } catch (error) {
    addresses.failed(address);
    throw error instanceof DialFailure ? error : failure(url, error as NodeJS.ErrnoException);
  }
}

function hostAndPort(url: URL): { host: string; port: number } {
  const secure = url.protocol === 'wss:' || url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return { host, port: Number(url.port) || (secure ? 443 : 80) };
}

function connectTcp(
  to: { host: string; port: number },
  { signal, addresses, limits: { connectTimeoutMs } }: DialOptions,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const several = { autoSelectFamilyAttemptTimeout: addressTimeoutMs, lookup: addresses.lookup };
  const socket = net.connect({ host: to.host, port: to.port, noDelay: true, signal, ...several });
  addresses.watch(socket);
  const timer = setTimeout(() => {
    socket.destroy(
      Object.assign(new Error(`no answer within ${connectTimeoutMs} ms`), { code: 'ETIMEDOUT' }),
    );
  }, connectTimeoutMs);
  socket.once('error', reject);
  socket.once('connect', () => resolve(socket));
  return promise.finally(() => clearTimeout(timer));
}

function upgrade(tcp: Socket, options: DialOptions): Promise<Transport> {
  const { promise, resolve, reject } = Promise.withResolvers<Transport>();
  const { url, signal, limits } = options;
  const isSecure = url.protocol === 'wss:';
  const clientOptions: ClientOptions = {
    ...websocketOptions,
    generateMask: noMask,
    createConnection: () => (isSecure ? secure(tcp, options) : tcp.resume()),
  };
  const websocket = new WebSocket(url, subprotocol, clientOptions);
  let socket: Socket = tcp;
  websocket.once('upgrade', (response) => {
    socket = response.socket;
  });
  websocket.once('unexpected-response', (_request, response) => {
    const refused = readRefusal(url, response).then((refusal) => {
      reject(refusal);
      websocket.terminate();
    });
    background('answer to the websocket request', refused, reject);
  });
  websocket.on('error', reject);
  websocket.once('open', () => {
    websocket.off('error', reject);
    resolve(new WebsocketTransport(websocket, socket));
  });
  const abort = () => websocket.terminate();
  signal.addEventListener('abort', abort, { once: true });
  // Not ws's own time limit: on a socket that is given to it, that one never begins.
  const timer = setTimeout(() => {
    reject(new Error(`no answer to the websocket request within ${limits.upgradeTimeoutMs} ms`));
    websocket.terminate();
  }, limits.upgradeTimeoutMs);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  });
}

/**
 * Masks exist to keep caches between browsers and servers from taking a payload for an answer. The tunnel
 * runs inside mutual TLS (plain only in tests and benchmarks), where nobody is in between; a mask of zeros,
 * which ws then need not apply, saves a copy of every byte at this end and a pass over it at the other.
 */
function noMask(mask: Buffer): void {
  mask.fill(0);
}

function secure(socket: Socket, { url, caPem, certificatePem, keyPem }: DialOptions): Socket {
  const { host } = hostAndPort(url);
  return tls.connect({
    socket,
    host,
    servername: net.isIP(host) ? '' : host,
    ca: caPem,
    cert: certificatePem,
    key: keyPem,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  });
}

/** What the gateway said instead of 101; a fault of ours when it is one. */
async function readRefusal(
  url: URL,
  response: AsyncIterable<Buffer> & { statusCode?: number; statusMessage?: string },
): Promise<DialFailure> {
  let body = '';
  try {
    for await (const chunk of response) {
      body += chunk.toString();
      if (body.length > refusalLimitBytes) break;
    }
  } catch {
    // It broke off: the status says enough.
  }
  const answer = parseJson(body, { bytes: refusalLimitBytes, depth: peerDepthLimit });
  const fault = answer.ok ? Fault.inAnswer(answer.value) : undefined;
  if (fault) return new DialFailure(fault, false);
  const values = {
    url: url.origin,
    status: response.statusCode ?? 0,
    detail: response.statusMessage?.slice(0, 200) ?? '',
  };
  return new DialFailure(new Fault('TUNNEL_REFUSED', values), false);
}

function failure(url: URL, error: NodeJS.ErrnoException): DialFailure {
  const errors = error instanceof AggregateError ? (error.errors as NodeJS.ErrnoException[]) : [error];
  const detail = detailOf(error);
  const fault =
    error instanceof Fault
      ? error
      : new Fault('TUNNEL_CONNECT_FAILED', { url: url.origin, detail }, { cause: error });
  return new DialFailure(
    fault,
    errors.every(({ code }) => silentCodes.has(code ?? '')),
  );
}
