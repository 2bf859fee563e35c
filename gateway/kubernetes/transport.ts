// How requests reach the API server: authentication, TLS and proxies come from @kubernetes/client-node's
// KubeConfig, the connections are kept and shared. Whatever keeps an answer from coming whole is the Fault
// KUBERNETES_UNREACHABLE; an answer that is a refusal is a KubernetesFailure.
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { AnswerTooLarge, KubernetesFailure } from './kubernetes.ts';
import { type Line, readLines } from './lines.ts';

const requestTimeoutMs = 30_000;
const answerLimitBytes = 256 * 1024 * 1024;
const connectionsLimit = 32;

interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** What may still be read of answers; it is used up. */
  readonly allowance?: Allowance;
}

export interface Allowance {
  bytes: number;
}

export interface Transport {
  /** One request, its answer from JSON; what is no JSON (`/readyz`) as text. */
  exchange<T>(outgoing: Outgoing): Promise<T>;
  /** The lines of an answer as they come; a silence of `idleMs` ends it as unreachable. */
  lines(outgoing: Outgoing, options: { idleMs: number; signal: AbortSignal }): AsyncIterable<Line>;
}

export function createTransport(config: KubeConfig): Transport {
  const server = config.getCurrentCluster()?.server ?? '';
  const agent = new https.Agent({ keepAlive: true, maxSockets: connectionsLimit });

  async function send(outgoing: Outgoing, timeoutMs: number, signal?: AbortSignal): Promise<IncomingMessage> {
    const body = outgoing.body === undefined ? undefined : JSON.stringify(outgoing.body);
    const options: https.RequestOptions = {};
    // Each time anew, so that rotated credentials are used.
    await config.applyToHTTPSOptions(options);
    // The library's own agent keeps no connection open; one for a proxy is kept.
    if (options.agent?.constructor === https.Agent) options.agent = agent;
    const headers: Record<string, string | number> = {
      ...(options.headers as Record<string, string> | undefined),
      accept: 'application/json',
      'user-agent': 'regnode-gateway',
    };
    if (body !== undefined) {
      headers['content-type'] = outgoing.contentType ?? 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    const { method, path } = outgoing;
    const url = new URL(server + path);
    const once = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const request = https.request(
          url,
          { ...options, method, headers, timeout: timeoutMs, signal },
          resolve,
        );
        request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        request.on('error', (error) => reject(Object.assign(error, { reused: request.reusedSocket })));
        request.end(body);
      });
    // A kept connection may have been closed by the server at this very moment: once more, on a new one.
    return once().catch((error: Error & { code?: string; reused?: boolean }) => {
      if (error.reused && error.code === 'ECONNRESET') return once();
      throw error;
    });
  }

  return {
    async exchange<T>(outgoing: Outgoing): Promise<T> {
      const { answer, text } = await reaching(undefined, async () => {
        const answer = await send(outgoing, requestTimeoutMs);
        return { answer, text: await readAll(answer, outgoing.allowance) };
      });
      const status = answer.statusCode ?? 0;
      const isJson = answer.headers['content-type']?.includes('json') ?? true;
      if (status >= 200 && status < 300) return (isJson ? JSON.parse(text) : text) as T;
      throw failure(outgoing, answer, text);
    },
    async *lines(outgoing, { idleMs, signal }) {
      const answer = await reaching(signal, () => send(outgoing, idleMs, signal));
      if (answer.statusCode !== 200) {
        throw failure(outgoing, answer, await reaching(signal, () => readAll(answer)));
      }
      const lines = readLines(answer);
      for (;;) {
        const next = await reaching(signal, () => lines.next());
        if (next.done) return;
        yield next.value;
      }
    },
  };
}

/** Gives every failure on the way its one name; an abort stays what it is. */
async function reaching<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (signal?.aborted || cause instanceof Fault) throw cause;
    throw new Fault('KUBERNETES_UNREACHABLE', { detail: describe(cause) }, { cause });
  }
}

async function readAll(answer: IncomingMessage, allowance?: Allowance): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (allowance) allowance.bytes -= chunk.length;
    if (size > answerLimitBytes || (allowance && allowance.bytes < 0))
      throw new AnswerTooLarge('its answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function failure({ method, path }: Outgoing, answer: IncomingMessage, text: string): KubernetesFailure {
  const status = answer.statusCode ?? 0;
  let parsed: { reason?: string; message?: string; details?: { causes?: { message?: string }[] } };
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch {
    parsed = { message: text.slice(0, 300) };
  }
  return new KubernetesFailure({
    status,
    reason: parsed.reason ?? 'Unknown',
    message: parsed.message ?? `status ${status}`,
    request: `${method} ${path.split('?')[0]}`,
    causes: (parsed.details?.causes ?? []).flatMap(({ message }) => message ?? []),
  });
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause.message;
}
