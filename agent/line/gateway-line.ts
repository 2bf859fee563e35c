// The HTTPS part of measuring, to the gateway and through the proxy if there is one: a session with its keys,
// time, and bytes up and down within bounds. Trusts the pinned CA alone. Every refusal is a Fault.
import type { ClientRequest, IncomingMessage } from 'node:http';
import { type Agent, request } from 'node:https';
import type { z } from 'zod';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { parseJson, peerDepthLimit } from '../../protocol/json.ts';
import {
  type LineSession,
  lineSessionPath,
  lineSessionSchema,
  lineSinkPath,
  lineSourcePath,
  lineSunkSchema,
  lineTicket,
  lineTicketHeader,
  lineTimePath,
  lineTimeSchema,
} from '../../protocol/line/session.ts';
import type { Proxy as WebProxy } from '../config/proxy.ts';
import type { Host } from '../host/host.ts';
import { detailOf } from '../host/network-faults.ts';
import { httpsAgent } from '../identity/https-agent.ts';
import type { TimeSample } from './statistics.ts';

const answerLimitBytes = 64 * 1024;
const answerTimeoutMs = 10_000;

export interface LineCredentials {
  readonly url: string;
  readonly caPem?: string | undefined;
  readonly proxy: WebProxy | undefined;
  /** After a join: the session then covers the node's registered addresses too. */
  readonly identity?: { readonly certificatePem: string; readonly keyPem: string } | undefined;
}

/** Bytes moved, and how long from the first to the last of them. */
export interface Transfer {
  readonly bytes: number;
  readonly milliseconds: number;
}

export class GatewayLine {
  readonly #host: Host;
  readonly #credentials: LineCredentials;
  readonly #agent: Agent;
  readonly #signal: AbortSignal;
  #ticket = '';

  constructor(host: Host, credentials: LineCredentials, signal: AbortSignal) {
    const { caPem, proxy, identity } = credentials;
    this.#host = host;
    this.#credentials = credentials;
    this.#signal = signal;
    const trust = { ...(caPem === undefined ? {} : { ca: caPem }), minVersion: 'TLSv1.2' as const };
    const own = identity === undefined ? {} : { cert: identity.certificatePem, key: identity.keyPem };
    this.#agent = httpsAgent({ ...trust, ...own }, proxy);
  }

  close(): void {
    this.#agent.destroy();
  }

  async openSession(): Promise<LineSession> {
    const path = this.#credentials.identity ? `/v1/node${lineSessionPath.slice(3)}` : lineSessionPath;
    const session = await this.#json('POST', path, lineSessionSchema);
    this.useSession(session);
    return session;
  }

  /** One that was opened before and is still good. */
  useSession(session: LineSession): void {
    const key = session.keys.find(({ address }) => address === session.address)?.key ?? '';
    this.#ticket = lineTicket(session.session, session.expiresAtSeconds, Buffer.from(key, 'base64'));
  }

  /** One exchange of times, on a connection that is open already except for the first. */
  async time(): Promise<TimeSample> {
    const { clock } = this.#host;
    const [sentAtMs, sentMonotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    const response = await this.#send('GET', lineTimePath);
    const [backAtMs, backMonotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    const { receivedAtMs, answeredAtMs } = await this.#parsed(response, lineTimePath, lineTimeSchema);
    return {
      times: [sentAtMs, receivedAtMs, answeredAtMs, backAtMs],
      roundTripMs: backMonotonicMs - sentMonotonicMs,
    };
  }

  async download(bytes: number, limitMs: number): Promise<Transfer> {
    const response = await this.#send('GET', `${lineSourcePath}?bytes=${bytes}`);
    if (response.statusCode !== 200) throw await this.#refusal(response, lineSourcePath);
    const startedMs = this.#host.clock.monotonicMs();
    let taken = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      taken += chunk.length;
      if (this.#host.clock.monotonicMs() - startedMs > limitMs) break;
    }
    response.destroy();
    return { bytes: taken, milliseconds: this.#host.clock.monotonicMs() - startedMs };
  }

  /** What has arrived is counted by the gateway; what our own socket has taken proves nothing. */
  async upload(bytes: number): Promise<Transfer> {
    const response = await this.#send('POST', lineSinkPath, Buffer.alloc(bytes));
    return this.#parsed(response, lineSinkPath, lineSunkSchema);
  }

  async #json<T>(method: string, path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#parsed(await this.#send(method, path), path, schema);
  }

  async #parsed<T>(response: IncomingMessage, path: string, schema: z.ZodType<T>): Promise<T> {
    if (response.statusCode !== 200) throw await this.#refusal(response, path);
    const parsed = schema.safeParse(await body(response));
    if (parsed.success) return parsed.data;
    throw new Fault('PEER_ANSWER_UNKNOWN', { code: `${path}: ${parsed.error.issues[0]?.message}` });
  }

  async #refusal(response: IncomingMessage, path: string): Promise<Fault> {
    const { url } = this.#credentials;
    const { statusCode } = response;
    const fault = Fault.inAnswer(await body(response));
    if (fault) return fault;
    return new Fault('GATEWAY_UNREACHABLE', { url, detail: `${path} was answered with ${statusCode}` });
  }

  async #send(method: string, path: string, payload?: Buffer): Promise<IncomingMessage> {
    const { url } = this.#credentials;
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(answerTimeoutMs * 2)]);
    const headers = {
      ...(this.#ticket === '' ? {} : { [lineTicketHeader]: this.#ticket }),
      ...(method === 'POST' ? { 'content-length': payload?.length ?? 0 } : {}),
    };
    const outgoing = request(new URL(path, url), { method, agent: this.#agent, headers, signal });
    try {
      return await answered(outgoing, payload);
    } catch (error) {
      throw new Fault('GATEWAY_UNREACHABLE', { url, detail: detailOf(error) }, { cause: error });
    }
  }
}

function answered(outgoing: ClientRequest, payload: Buffer | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve).on('error', reject);
    outgoing.setTimeout(answerTimeoutMs, () => outgoing.destroy(new Error('no byte for 10 s')));
    outgoing.end(payload);
  });
}

/** undefined for what is no JSON. */
async function body(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > answerLimitBytes) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  const parsed = parseJson(Buffer.concat(chunks), { bytes: answerLimitBytes, depth: peerDepthLimit });
  return parsed.ok ? parsed.value : undefined;
}
