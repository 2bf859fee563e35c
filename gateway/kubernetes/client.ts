// The real Kubernetes client: authentication, TLS and proxies come from @kubernetes/client-node's KubeConfig,
// objects go over the wire as plain JSON. The generated models of that library are left aside on purpose: they
// drop every field that they do not know, so reading and writing back an object of a newer API server would
// lose data, and its fetch path opens a new connection pool for each request.

import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { createInterface } from 'node:readline';
import type { KubeConfig } from '@kubernetes/client-node';
import { Fault } from '../../protocol/fault.ts';
import type { Kind, KubernetesObject } from './kinds.ts';
import {
  type Kubernetes,
  KubernetesFailure,
  type ListOptions,
  type PatchType,
  type WatchEvent,
} from './kubernetes.ts';

const requestTimeoutMs = 30_000;
const answerLimitBytes = 256 * 1024 * 1024;
const pageSize = 500;
/** The API server ends a watch after this; the client gives up a little later, so a dead connection is noticed. */
const watchSeconds = 240;
const fieldManager = 'regnode';

const contentTypes: Readonly<Record<PatchType | 'apply', string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export function createKubernetes(config: KubeConfig): Kubernetes {
  const server = config.getCurrentCluster()?.server ?? '';
  const agent = new https.Agent({ keepAlive: true, maxSockets: 32, timeout: (watchSeconds + 60) * 1000 });

  /** Connection options for one request; credentials are read anew each time, so rotated ones are used. */
  async function connection(): Promise<https.RequestOptions> {
    const options: https.RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    // The library's own agent keeps no connection open; one for a proxy is kept.
    if (options.agent instanceof https.Agent && options.agent.constructor === https.Agent)
      options.agent = agent;
    return options;
  }

  async function send(request: {
    method: string;
    path: string;
    body?: unknown;
    contentType?: string;
    timeoutMs: number;
    signal?: AbortSignal;
  }): Promise<IncomingMessage> {
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options = await connection();
    const headers: Record<string, string | number> = {
      ...(options.headers as Record<string, string> | undefined),
      accept: 'application/json',
      'user-agent': 'regnode-gateway',
      ...(body === undefined
        ? {}
        : {
            'content-type': request.contentType ?? 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
    };
    const once = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = https.request(
          new URL(server + request.path),
          { ...options, method: request.method, headers, timeout: request.timeoutMs, signal: request.signal },
          resolve,
        );
        outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${request.timeoutMs} ms`)));
        outgoing.on('error', (error) => reject(Object.assign(error, { reused: outgoing.reusedSocket })));
        outgoing.end(body);
      });
    try {
      // A kept connection may have been closed by the server at this very moment: once more, on a new one.
      return await once().catch((error: Error & { code?: string; reused?: boolean }) => {
        if (error.reused && error.code === 'ECONNRESET') return once();
        throw error;
      });
    } catch (cause) {
      if (request.signal?.aborted) throw cause;
      throw new Fault('KUBERNETES_UNREACHABLE', { detail: describe(cause) }, { cause });
    }
  }

  async function exchange<T>(method: string, path: string, body?: unknown, contentType?: string): Promise<T> {
    const answer = await send({
      method,
      path,
      timeoutMs: requestTimeoutMs,
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    });
    const text = await readAll(answer);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return JSON.parse(text) as T;
    throw failure(status, text, `${method} ${path.split('?')[0]}`, answer.headers['retry-after']);
  }

  const client: Kubernetes = {
    async get(kind, name, namespace) {
      try {
        return await exchange('GET', pathOf(kind, { namespace, name }));
      } catch (error) {
        if (error instanceof KubernetesFailure && error.status === 404) return undefined;
        throw error;
      }
    },
    async list(kind, options = {}) {
      type Page = { items: KubernetesObject[]; metadata: { resourceVersion: string; continue?: string } };
      const items: KubernetesObject[] = [];
      let token: string | undefined;
      for (;;) {
        const query = {
          ...selectors(options),
          limit: String(pageSize),
          ...(token ? { continue: token } : {}),
        };
        const page = await exchange<Page>('GET', pathOf(kind, { namespace: options.namespace, query }));
        items.push(...page.items);
        token = page.metadata.continue;
        if (!token) return { items: items as never, resourceVersion: page.metadata.resourceVersion };
      }
    },
    create(kind, object) {
      return exchange('POST', pathOf(kind, { namespace: object.metadata.namespace }), withKind(kind, object));
    },
    replace(kind, object, subresource) {
      return exchange('PUT', pathOf(kind, { ...object.metadata, subresource }), withKind(kind, object));
    },
    patch(kind, name, patch, options = {}) {
      const { type = 'merge', ...place } = options;
      return exchange('PATCH', pathOf(kind, { ...place, name }), patch, contentTypes[type]);
    },
    apply(kind, object) {
      const query = { fieldManager, force: 'true' };
      const path = pathOf(kind, { namespace: object.metadata.namespace, name: object.metadata.name, query });
      return exchange('PATCH', path, withKind(kind, object), contentTypes.apply);
    },
    async remove(kind, name, options = {}) {
      const body = options.uid ? { preconditions: { uid: options.uid } } : {};
      try {
        await exchange('DELETE', pathOf(kind, { namespace: options.namespace, name }), body);
        return true;
      } catch (error) {
        if (error instanceof KubernetesFailure && error.status === 404) return false;
        throw error;
      }
    },
    async *watch(kind, { signal, resourceVersion, ...options }) {
      const query = {
        ...selectors(options),
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(watchSeconds),
        resourceVersion,
      };
      const path = pathOf(kind, { namespace: options.namespace, query });
      const answer = await send({ method: 'GET', path, timeoutMs: (watchSeconds + 30) * 1000, signal });
      if (answer.statusCode !== 200) {
        throw failure(answer.statusCode ?? 0, await readAll(answer), `watch ${kind.plural}`, undefined);
      }
      for await (const line of createInterface({ input: answer, crlfDelay: Infinity })) {
        yield watchEvent(JSON.parse(line) as RawEvent, kind.plural) as never;
      }
    },
    request: (method, path, body) => exchange(method, path, body),
  };
  return client;
}

interface RawEvent {
  readonly type: string;
  readonly object: KubernetesObject & { code?: number; reason?: string; message?: string };
}

function watchEvent(event: RawEvent, plural: string): WatchEvent<KubernetesObject> {
  const { type, object } = event;
  if (type === 'BOOKMARK') return { type, resourceVersion: object.metadata.resourceVersion ?? '' };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object };
  throw new KubernetesFailure({
    status: object.code ?? 500,
    reason: object.reason ?? 'Unknown',
    message: object.message ?? `watch event ${type}`,
    request: `watch ${plural}`,
  });
}

export function pathOf<T extends KubernetesObject>(
  kind: Kind<T>,
  place: {
    namespace?: string | undefined;
    name?: string | undefined;
    subresource?: string | undefined;
    query?: Readonly<Record<string, string>>;
  },
): string {
  const parts = [kind.apiVersion.includes('/') ? 'apis' : 'api', ...kind.apiVersion.split('/')];
  if (kind.namespaced && place.namespace) parts.push('namespaces', place.namespace);
  parts.push(kind.plural);
  if (place.name) parts.push(place.name);
  if (place.subresource) parts.push(place.subresource);
  const query = place.query ? `?${new URLSearchParams(place.query)}` : '';
  return `/${parts.map(encodeURIComponent).join('/')}${query}`;
}

function selectors(options: ListOptions): Record<string, string> {
  return {
    ...(options.labelSelector ? { labelSelector: options.labelSelector } : {}),
    ...(options.fieldSelector ? { fieldSelector: options.fieldSelector } : {}),
  };
}

function withKind<T extends KubernetesObject>(kind: Kind<T>, object: T): T {
  return { apiVersion: kind.apiVersion, kind: kind.kind, ...object };
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > answerLimitBytes)
      throw new Fault('KUBERNETES_UNREACHABLE', { detail: 'its answer is too large' });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function failure(
  status: number,
  text: string,
  request: string,
  retryAfter: string | undefined,
): KubernetesFailure {
  let parsed: { reason?: string; message?: string } = {};
  try {
    parsed = JSON.parse(text) as typeof parsed;
  } catch {
    parsed = { message: text.slice(0, 300) };
  }
  return new KubernetesFailure({
    status,
    reason: parsed.reason ?? 'Unknown',
    message: parsed.message ?? `status ${status}`,
    request,
    retryAfterSeconds: retryAfter === undefined ? undefined : Number(retryAfter) || undefined,
  });
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause.message;
}
