// The store that samples are written to: one POST, and what its answer means. Credentials are files that are
// read for each request, so that a rotated one is used at once; none of them is ever logged.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { Fault } from '../../../protocol/catalogue/fault.ts';
import { gatewayVersion } from '../../version.ts';

export interface DestinationOptions {
  readonly url: string;
  readonly bearerTokenFile?: string | undefined;
  readonly username?: string | undefined;
  readonly passwordFile?: string | undefined;
  /** Roots that its certificate is checked against, instead of the system's. */
  readonly caFile?: string | undefined;
  /** A client certificate, for stores that want one. */
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly timeoutMs?: number;
}

export type Outcome =
  | { readonly kind: 'stored' }
  /** It will never take this. */
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string }
  /** Later, perhaps; not before `waitMs` if it said so. */
  | { readonly kind: 'again'; readonly detail: string; readonly waitMs: number | undefined };

const defaultTimeoutMs = 30_000;
const detailLimitBytes = 512;
const waitLimitMs = 300_000;

export class Destination {
  readonly #options: DestinationOptions;
  readonly #url: URL;
  readonly #agent: http.Agent;

  constructor(options: DestinationOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    const kept = { keepAlive: true, maxSockets: 2 };
    this.#agent = this.#url.protocol === 'https:' ? new https.Agent(kept) : new http.Agent(kept);
  }

  /** A credential that can't be read is a fault now, and not at three in the morning. */
  async check(): Promise<void> {
    await this.#credentials();
  }

  async write(body: Uint8Array, signal?: AbortSignal): Promise<Outcome> {
    try {
      return await this.#post(body, await this.#credentials(), signal);
    } catch (error) {
      return {
        kind: 'again',
        detail: error instanceof Error ? error.message : String(error),
        waitMs: undefined,
      };
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #post(body: Uint8Array, credentials: https.RequestOptions, signal?: AbortSignal): Promise<Outcome> {
    const timeoutMs = this.#options.timeoutMs ?? defaultTimeoutMs;
    const { headers, ...tls } = credentials;
    const options: https.RequestOptions = {
      ...tls,
      method: 'POST',
      agent: this.#agent,
      signal:
        signal === undefined
          ? AbortSignal.timeout(timeoutMs)
          : AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: {
        ...headers,
        'content-type': 'application/x-protobuf',
        'content-encoding': 'snappy',
        'content-length': body.byteLength,
        'user-agent': `regnode-gateway/${gatewayVersion}`,
        'x-prometheus-remote-write-version': '0.1.0',
      },
    };
    return new Promise((resolve, reject) => {
      const protocol = this.#url.protocol === 'https:' ? https : http;
      const request = protocol.request(this.#url, options, (answer) => {
        readStart(answer).then((detail) => resolve(judge(answer, detail)), reject);
      });
      request.on('error', (error) => {
        reject(error.name === 'TimeoutError' ? new Error(`no answer within ${timeoutMs} ms`) : error);
      });
      request.end(body);
    });
  }

  async #credentials(): Promise<https.RequestOptions> {
    const { bearerTokenFile, username, passwordFile, caFile, certificateFile, keyFile } = this.#options;
    const headers: Record<string, string> = {};
    if (bearerTokenFile !== undefined) {
      headers.authorization = `Bearer ${(await read(bearerTokenFile)).trim()}`;
    } else if (username !== undefined) {
      const password = passwordFile === undefined ? '' : (await read(passwordFile)).replace(/\r?\n$/, '');
      headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    }
    return {
      headers,
      ...(caFile === undefined ? {} : { ca: await read(caFile) }),
      ...(certificateFile === undefined ? {} : { cert: await read(certificateFile) }),
      ...(keyFile === undefined ? {} : { key: await read(keyFile) }),
    };
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Fault('CREDENTIAL_UNREADABLE', { file, detail: code ?? String(cause) }, { cause });
  }
}

function judge(answer: http.IncomingMessage, detail: string): Outcome {
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: 'stored' };
  const text = `status ${status}${detail === '' ? '' : `: ${detail}`}`;
  if (status >= 500 || status === 429 || status === 408) {
    return { kind: 'again', detail: text, waitMs: retryAfterMs(answer.headers['retry-after'], Date.now()) };
  }
  return { kind: 'refused', status, detail: text };
}

/** Seconds, or a date; at most five minutes, or a wrong one would stop us for ever. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(milliseconds) ? undefined : Math.min(waitLimitMs, Math.max(0, milliseconds));
}

/** The first line of the answer's body, without what a log should not hold; the rest is read and let go. */
async function readStart(answer: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (size < detailLimitBytes) chunks.push(chunk);
    size += chunk.byteLength;
  }
  const text = Buffer.concat(chunks).subarray(0, detailLimitBytes).toString('utf8');
  return (
    text
      .split('\n', 1)[0]
      ?.replaceAll(/[^\x20-\x7e]/g, '?')
      .trim() ?? ''
  );
}
