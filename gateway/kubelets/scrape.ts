// Passes Prometheus' scrape of a registered node's kubelet through the node's tunnel, and the answer back as
// it comes, compressed or not. Only these paths, only GET, only so many at a time, so many bytes, so long.
// Nothing of what the asker sends reaches the kubelet but what it accepts; nothing of the answer's headers
// comes back but its type and encoding. An answer in chunks of a byte each costs a hundred times as much as
// one of the same length, so one that is more frame than content is given up.
import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { KubeletConnections } from './connections.ts';
import type { KubeletToken } from './token.ts';

export const kubeletPaths = [
  '/metrics',
  '/metrics/cadvisor',
  '/metrics/resource',
  '/metrics/probes',
] as const;
export type KubeletPath = (typeof kubeletPaths)[number];

export interface ScrapeLimits {
  readonly perNode: number;
  readonly inAll: number;
  readonly answerBytes: number;
  readonly defaultTimeoutMs: number;
  readonly timeoutCapMs: number;
}

const defaultLimits: ScrapeLimits = {
  perNode: 8,
  inAll: 256,
  answerBytes: 64 * 1024 * 1024,
  defaultTimeoutMs: 10_000,
  timeoutCapMs: 60_000,
};

/** What an answer may have beside its content: twice the TLS records of a kubelet, and as much again. */
const framing = { bytes: 256 * 1024, perByte: 1 };
const provisionalAnswers = 8;

/** As many as connections are kept for a node, and one. */
const staleLimit = 3;

export interface KubeletScrapesOptions {
  readonly connections: KubeletConnections;
  readonly token: Pick<KubeletToken, 'get' | 'forget'>;
  readonly limits?: Partial<ScrapeLimits>;
  readonly onOutcome?: (outcome: string) => void;
}

export class KubeletScrapes {
  readonly #options: KubeletScrapesOptions;
  readonly #limits: ScrapeLimits;
  readonly #byNode = new Map<string, number>();
  #all = 0;

  constructor(options: KubeletScrapesOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  /** Answers, or throws a Fault before anything was answered. */
  async scrape(
    node: string,
    path: KubeletPath,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    this.#enter(node);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(this.#timeoutMs(request))]);
    try {
      await this.#pass(node, path, request, response, signal);
      this.#options.onOutcome?.('completed');
    } catch (error) {
      this.#options.onOutcome?.(gone.signal.aborted ? 'abandoned' : 'failed');
      if (error instanceof Fault) throw error;
      const detail = signal.aborted ? 'no whole answer in time' : String((error as Error).message ?? error);
      throw new Fault('KUBELET_SCRAPE_FAILED', { node, path, detail }, { cause: error });
    } finally {
      this.#leave(node);
    }
  }

  async #pass(
    node: string,
    path: KubeletPath,
    asked: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const token = await this.#options.token.get();
    const { answer, begunAt } = await this.#get(node, path, { token, asked, signal });
    const status = answer.statusCode ?? 0;
    if (status !== 200) {
      answer.destroy();
      if (status === 401) this.#options.token.forget(token);
      throw new Fault('KUBELET_SCRAPE_FAILED', { node, path, detail: `it answered with status ${status}` });
    }
    const encoding = answer.headers['content-encoding'];
    response.writeHead(200, {
      'content-type': answer.headers['content-type'] ?? 'text/plain; version=0.0.4',
      ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
    });
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.byteLength;
      if (answer.socket.bytesRead - begunAt > framing.bytes + (1 + framing.perByte) * bytes)
        throw new Error('its answer is more frame than content');
      if (bytes > this.#limits.answerBytes)
        throw new Error(`its answer is over ${this.#limits.answerBytes} bytes`);
      if (!response.write(chunk)) await once(response, 'drain', { signal });
    }
    response.end();
  }

  async #get(
    node: string,
    path: KubeletPath,
    { token, asked, signal }: { token: string; asked: IncomingMessage; signal: AbortSignal },
  ): Promise<{ answer: IncomingMessage; begunAt: number }> {
    for (let stale = 0; ; stale++) {
      const request = this.#request(node, path, { token, asked, signal });
      let [begunAt, provisional] = [0, 0];
      request.once('socket', ({ bytesRead }) => {
        begunAt = bytesRead;
      });
      request.on('information', () => {
        provisional += 1;
        if (provisional > provisionalAnswers) request.destroy(new Error('it answers that it will answer'));
      });
      try {
        const [answer] = (await once(request, 'response', { signal })) as [IncomingMessage];
        return { answer, begunAt };
      } catch (error) {
        // A kept connection ended (its tunnel moved) when it was about to be used. There
        // are only so many of them.
        if (!request.reusedSocket || signal.aborted || stale >= staleLimit) throw error;
      }
    }
  }

  #request(
    node: string,
    path: KubeletPath,
    { token, asked, signal }: { token: string; asked: IncomingMessage; signal: AbortSignal },
  ): ClientRequest {
    return https.get({
      agent: this.#options.connections,
      host: node,
      port: 10_250,
      path,
      signal,
      headers: {
        accept: asked.headers.accept ?? 'text/plain; version=0.0.4',
        'accept-encoding': asked.headers['accept-encoding'] ?? 'identity',
        authorization: `Bearer ${token}`,
        'user-agent': 'regnode-gateway',
      },
    });
  }

  /** As long as Prometheus itself would wait. */
  #timeoutMs({ headers }: IncomingMessage): number {
    const seconds = Number(headers['x-prometheus-scrape-timeout-seconds']);
    const wanted = seconds > 0 ? seconds * 1000 : this.#limits.defaultTimeoutMs;
    return Math.min(this.#limits.timeoutCapMs, Math.max(100, wanted));
  }

  #enter(node: string): void {
    const { perNode, inAll } = this.#limits;
    const here = this.#byNode.get(node) ?? 0;
    if (here >= perNode || this.#all >= inAll) {
      this.#options.onOutcome?.('over-limit');
      const [limit, scope] = here >= perNode ? [perNode, `node ${node}`] : [inAll, 'all nodes'];
      throw new Fault('SCRAPE_LIMIT', { limit, scope });
    }
    this.#byNode.set(node, here + 1);
    this.#all += 1;
  }

  #leave(node: string): void {
    const here = (this.#byNode.get(node) ?? 1) - 1;
    if (here > 0) this.#byNode.set(node, here);
    else this.#byNode.delete(node);
    this.#all -= 1;
  }
}
