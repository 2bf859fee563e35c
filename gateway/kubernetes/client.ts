// The real Kubernetes client: objects go over the wire as plain JSON. The generated models of
// @kubernetes/client-node are left aside on purpose: they drop every field that they do not know, so reading
// and writing back an object of a newer API server would lose data, and its fetch path opens a new
// connection pool for each request.
import type { KubeConfig } from '@kubernetes/client-node';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Kind, KubernetesObject } from './kinds.ts';
import {
  isTooLarge,
  type Kubernetes,
  KubernetesFailure,
  type ListOptions,
  type PatchType,
  type WatchEvent,
} from './kubernetes.ts';
import { LinePace, placeOf } from './line-pace.ts';
import { type Allowance, createTransport } from './transport.ts';

const pageSize = 500;
/** Of one node's pods: a kubelet may make as many as it likes, of a quarter of a megabyte each. */
const smallPageSize = 100;
/**
 * A page of more is asked for again with a tenth of its objects. What a kubelet writes into its Node is up to
 * 8 MB of JSON, and all of a page is in memory at once, and parsed at once. One object alone is always read.
 */
const pageLimitBytes = 16 * 1024 * 1024;
/**
 * The API server ends a watch after this; the client gives up a little later, so a
 * dead connection is noticed.
 */
const watchSeconds = 110;
const watchIdleMs = 130_000;
const fieldManager = 'regnode';

const contentTypes: Readonly<Record<PatchType | 'apply', string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export function createKubernetes(config: KubeConfig): Kubernetes {
  const transport = createTransport(config);
  const exchange = <T>(
    method: string,
    path: string,
    body?: unknown,
    contentType?: string,
    allowance?: Allowance,
  ) =>
    transport.exchange<T>({
      method,
      path,
      ...(allowance && { allowance }),
      ...(body === undefined ? {} : { body }),
      ...(contentType === undefined ? {} : { contentType }),
    });

  return {
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
      const { keep, mostBytes } = options;
      const ofKubelets = mostBytes !== undefined || options.fieldSelector !== undefined;
      let limit = ofKubelets ? smallPageSize : pageSize;
      const allowed = mostBytes === undefined ? undefined : { bytes: mostBytes };
      let token: string | undefined;
      for (;;) {
        const query = {
          ...selectors(options),
          limit: String(limit),
          ...(token ? { continue: token } : {}),
        };
        const path = pathOf(kind, { namespace: options.namespace, query });
        const allowance = allowed ?? (limit > 1 ? { bytes: pageLimitBytes } : undefined);
        let page: Page;
        try {
          page = await exchange<Page>('GET', path, undefined, undefined, allowance);
        } catch (error) {
          if (allowed !== undefined || limit === 1 || !isTooLarge(error)) throw error;
          limit = Math.max(1, Math.floor(limit / 10));
          continue;
        }
        const kept = keep as ((object: KubernetesObject) => KubernetesObject | undefined) | undefined;
        items.push(...(kept ? page.items.flatMap((item) => kept(item) ?? []) : page.items));
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
      const lines = transport.lines({ method: 'GET', path }, { idleMs: watchIdleMs, signal });
      const pace = new LinePace(() => performance.now());
      for await (const line of lines) {
        const place = placeOf(line.front);
        const { bytes } = line;
        if (bytes !== undefined && (place === undefined || pace.admits(place, line)))
          yield watchEvent(JSON.parse(bytes.toString('utf8')) as RawEvent, kind.plural) as never;
        else if (place !== undefined) yield { type: 'UNREAD', ...place };
        else throw new Fault('KUBERNETES_UNREACHABLE', { detail: 'a line of its watch is too large' });
      }
    },
    request: (method, path, body) => exchange(method, path, body),
  };
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
