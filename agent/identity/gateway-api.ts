// HTTPS to the gateway, before and beside the tunnel: join, status, drain, deregister, artifacts. Trusts the
// pinned CA and nothing else, and goes through the proxy that HTTPS_PROXY names. Every answer is parsed by
// its schema; every refusal comes back as a Fault.
import type { IncomingMessage } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { parseJson, peerDepthLimit } from '../../protocol/json.ts';
import { type DesiredState, desiredStateSchema } from '../../protocol/messages/desired.ts';
import {
  type DrainResponse,
  drainResponseSchema,
  type FactsResponse,
  factsResponseSchema,
  type HostFacts,
  type JoinRequest,
  type JoinResponse,
  joinResponseSchema,
  type NodeStatusResponse,
  nodeStatusResponseSchema,
  type RenewResponse,
  renewResponseSchema,
  type TokenCheckResponse,
  tokenCheckResponseSchema,
} from '../../protocol/messages/join.ts';
import { readFromPeer } from '../../protocol/messages/newer-peer.ts';
import { proxyFor } from '../config/proxy.ts';
import { detailOf } from '../host/network-faults.ts';
import { httpsAgent } from './https-agent.ts';

const answerLimitBytes = 4 * 1024 * 1024;
const defaultAnswerTimeoutMs = 30_000;
/** A download that brings nothing for so long is given up, and resumed by the caller. */
const stallTimeoutMs = 30_000;
const longestWaitSeconds = 30;
/** A drain waits for pods' grace periods and disruption budgets. */
const drainTimeoutMs = 10 * 60_000;

export interface GatewayCredentials {
  readonly url: string;
  readonly caPem: string;
  /** Both or none: with them the call is made as the node. */
  readonly certificatePem?: string;
  readonly keyPem?: string;
  /**
   * The identity as it is on the disk now: the daemon may have renewed it while a command of ours is at work.
   */
  readonly reload?: () => Promise<CurrentIdentity | undefined>;
  /** Where HTTPS_PROXY and NO_PROXY are looked up; default: the process's. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Until an answer is whole; of a download, its head. */
  readonly answerTimeoutMs?: number;
}

interface CurrentIdentity {
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface GatewayApi {
  /** Would this token be good? Takes no use of it. */
  checkToken(token: string, hasKey: boolean, signal?: AbortSignal): Promise<TokenCheckResponse>;
  join(request: JoinRequest, signal?: AbortSignal): Promise<JoinResponse>;
  renew(csrPem: string, signal?: AbortSignal): Promise<RenewResponse>;
  /** Another certificate or other roots, from the next connection on. */
  useIdentity(identity: CurrentIdentity): void;
  status(signal?: AbortSignal): Promise<NodeStatusResponse>;
  desired(signal?: AbortSignal): Promise<DesiredState>;
  /** What this host is and where; answers which addresses are its own. */
  tellFacts(facts: HostFacts, signal?: AbortSignal): Promise<FactsResponse>;
  /** `waitMs`: answers by then with what is left; a gateway of before takes its own time. */
  drain(signal?: AbortSignal, waitMs?: number): Promise<DrainResponse>;
  /** What a drain would do; nothing is moved. */
  planDrain(signal?: AbortSignal): Promise<DrainResponse>;
  /** Pods without a controller stay: the host comes back. */
  drainForUpgrade(signal?: AbortSignal): Promise<DrainResponse>;
  uncordon(signal?: AbortSignal): Promise<void>;
  deregister(signal?: AbortSignal): Promise<void>;
  /**
   * A body as it comes, from `offset` when the gateway can (then status 206). The
   * caller bounds and verifies it.
   */
  download(
    path: string,
    offset: number,
    signal?: AbortSignal,
  ): Promise<{ startsAt: number; bytes: AsyncIterable<Uint8Array> }>;
  close(): void;
}

export function createGatewayApi(credentials: GatewayCredentials): GatewayApi {
  const base = new URL(credentials.url);
  const { answerTimeoutMs = defaultAnswerTimeoutMs } = credentials;
  const proxy = proxyFor(base, credentials.environment);
  const agentFor = ({ caPem, certificatePem, keyPem }: Omit<GatewayCredentials, 'url' | 'environment'>) => {
    const identity = keyPem === undefined ? {} : { cert: certificatePem, key: keyPem };
    return httpsAgent({ ca: caPem, minVersion: 'TLSv1.2', ...identity }, proxy);
  };
  let agent = agentFor(credentials);

  let used = credentials.certificatePem;
  const useIdentity = (identity: CurrentIdentity) => {
    // What is under way (a download) ends on the connection that it has.
    agent = agentFor(identity);
    used = identity.certificatePem;
  };

  /** A node that is told to wait does so, once and not for long; a host that joins hears of it at once. */
  async function call<T>(...ask: Parameters<typeof callOnce<T>>): Promise<T> {
    const [, path, , { signal } = {}] = ask;
    try {
      return await callWithIdentity(...ask);
    } catch (error) {
      const waitMs = path.startsWith('/v1/node/') ? toldToWaitMs(error) : undefined;
      if (waitMs === undefined) throw error;
      await sleep(waitMs, undefined, signal && { signal });
      return callWithIdentity(...ask);
    }
  }

  async function callWithIdentity<T>(...ask: Parameters<typeof callOnce<T>>): Promise<T> {
    try {
      return await callOnce(...ask);
    } catch (error) {
      if (!(error instanceof Fault && error.code === 'CERTIFICATE_REFUSED')) throw error;
      const identity = await credentials.reload?.();
      if (identity === undefined || identity.certificatePem === used) throw error;
      useIdentity(identity);
      return callOnce(...ask);
    }
  }

  async function callOnce<T>(
    method: string,
    path: string,
    schema: z.ZodType<T> | undefined,
    options: { body?: unknown; timeoutMs?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    const signal = limited(options.signal, options.timeoutMs ?? answerTimeoutMs);
    const response = await send(method, path, { body: options.body, signal });
    const text = await readText(response, credentials.url, signal);
    const answer = readAnswer(text, response.statusCode ?? 0, credentials.url);
    if (response.statusCode !== 200) throw refusal(answer, response.statusCode ?? 0, credentials.url);
    if (schema === undefined) return undefined as T;
    const parsed = readFromPeer(schema, answer);
    if (parsed.success) return parsed.data;
    throw new Fault('PEER_ANSWER_UNKNOWN', { code: `${method} ${path}: ${parsed.error.issues[0]?.message}` });
  }

  function send(
    method: string,
    path: string,
    { body, headers, signal }: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const options: RequestOptions = {
      method,
      agent,
      headers: {
        ...headers,
        ...(payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': payload.length }),
      },
      ...(signal === undefined ? {} : { signal }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(new URL(path, base), options, resolve);
      outgoing.on('error', (error) => reject(connectionFault(error, credentials.url)));
      outgoing.end(payload);
    });
  }

  const drain = (path: string, signal: AbortSignal | undefined, body = {}) =>
    call('POST', path, drainResponseSchema, { body, signal, timeoutMs: drainTimeoutMs });

  return {
    checkToken: (token, hasKey, signal) =>
      call('POST', '/v1/join/token', tokenCheckResponseSchema, { body: { token, hasKey }, signal }),
    join: (body, signal) => call('POST', '/v1/join', joinResponseSchema, { body, signal }),
    renew: (csrPem, signal) =>
      call('POST', '/v1/node/renew', renewResponseSchema, { body: { csrPem }, signal }),
    useIdentity,
    status: (signal) => call('GET', '/v1/node/status', nodeStatusResponseSchema, { signal }),
    desired: (signal) => call('GET', '/v1/node/desired', desiredStateSchema, { signal }),
    tellFacts: (facts, signal) =>
      call('POST', '/v1/node/facts', factsResponseSchema, { body: { facts }, signal }),
    drain: (signal, waitMs) => drain('/v1/node/drain', signal, waitMs === undefined ? {} : { waitMs }),
    planDrain: (signal) => call('GET', '/v1/node/drain-plan', drainResponseSchema, { signal }),
    drainForUpgrade: (signal) => drain('/v1/node/upgrade-drain', signal),
    uncordon: (signal) => call<void>('POST', '/v1/node/uncordon', undefined, { body: {}, signal }),
    deregister: (signal) => call<void>('POST', '/v1/node/deregister', undefined, { body: {}, signal }),
    async download(path, offset, signal) {
      const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(noAnswer(answerTimeoutMs)), answerTimeoutMs);
      const either = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
      try {
        const response = await send('GET', path, { headers, signal: either });
        response.setTimeout(stallTimeoutMs, () => response.destroy(new Error('no byte for 30 s')));
        const bytes = bodyOf(response, credentials.url, either);
        if (response.statusCode === 200) return { startsAt: 0, bytes };
        if (response.statusCode === 206) return { startsAt: rangeStart(response), bytes };
        const text = await readText(response, credentials.url, either);
        const status = response.statusCode ?? 0;
        throw refusal(readAnswer(text, status, credentials.url), status, credentials.url);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => agent.destroy(),
  };
}

function toldToWaitMs(error: unknown): number | undefined {
  if (!(error instanceof Fault && error.code === 'TOO_MANY_REQUESTS')) return undefined;
  const seconds = Number(error.values.seconds);
  return seconds > 0 && seconds <= longestWaitSeconds ? seconds * 1000 : undefined;
}

function limited(signal: AbortSignal | undefined, timeoutMs: number): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

function rangeStart(response: IncomingMessage): number {
  const start = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1];
  return start === undefined ? 0 : Number(start);
}

function noAnswer(timeoutMs: number): Error {
  return new Error(`no answer within ${timeoutMs / 1000} s`);
}

/** What breaks it off is the Fault that it is. */
async function* bodyOf(
  response: IncomingMessage,
  url: string,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  try {
    yield* response as AsyncIterable<Buffer>;
  } catch (error) {
    throw brokenOff(error, url, signal);
  }
}

/** Of an answer that we gave up Node says no more than `aborted`. */
function brokenOff(error: unknown, url: string, signal: AbortSignal): Fault {
  return connectionFault(signal.aborted ? signal.reason : error, url);
}

async function readText(response: IncomingMessage, url: string, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > answerLimitBytes) {
        throw new Fault('PEER_ANSWER_UNKNOWN', { code: `an answer of more than ${answerLimitBytes} bytes` });
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof Fault ? error : brokenOff(error, url, signal);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readAnswer(text: string, status: number, url: string): unknown {
  if (text === '' && status === 200) return {};
  const parsed = parseJson(text, { bytes: answerLimitBytes, depth: peerDepthLimit });
  if (parsed.ok) return parsed.value;
  const detail = `it answered ${status} with something that is not regnode's (${parsed.why})`;
  throw new Fault('GATEWAY_UNREACHABLE', { url, detail });
}

function refusal(answer: unknown, status: number, url: string): Fault {
  const detail = `it answered ${status} without a reason`;
  return Fault.inAnswer(answer) ?? new Fault('GATEWAY_UNREACHABLE', { url, detail });
}

/** OpenSSL's and node's names for "this certificate is not from that CA, or not for that name". */
const trustErrors =
  /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH/;

function connectionFault(error: unknown, url: string): Fault {
  const { code, message } = error as { code?: string; message: string };
  if (code !== undefined && trustErrors.test(code)) {
    return new Fault('GATEWAY_NOT_TRUSTED', { url, detail: message }, { cause: error });
  }
  return new Fault('GATEWAY_UNREACHABLE', { url, detail: detailOf(error) }, { cause: error });
}
