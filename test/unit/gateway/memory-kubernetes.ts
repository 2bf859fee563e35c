// A Kubernetes API in memory, with the rules that the gateway's logic leans on: names are unique, a stale
// resourceVersion is a conflict, deletion waits for finalizers, a status is written by its subresource alone,
// a watch tells every change.
import { isDeepStrictEqual } from 'node:util';
import type { Kind, KubernetesObject } from '../../../gateway/kubernetes/kinds.ts';
import {
  type Kubernetes,
  KubernetesFailure,
  type WatchEvent,
} from '../../../gateway/kubernetes/kubernetes.ts';

type Stored = KubernetesObject & { spec?: unknown; status?: unknown };
type Waiter = { plural: string; push(event: WatchEvent<Stored>): void };

export interface MemoryKubernetes extends Kubernetes {
  /** Requests that were not plain objects: `POST /api/v1/…/eviction`. */
  readonly requests: { method: string; path: string; body: unknown }[];
  /** Answers `request`; throw a KubernetesFailure to refuse. */
  answer: (method: string, path: string, body: unknown) => unknown;
  /** Called before each call with the verb and the plural; throw to fail it. */
  before: (verb: string, plural: string, object: unknown) => void | Promise<void>;
  /** All objects of a kind, as stored. */
  stored<T extends KubernetesObject>(kind: Kind<T>): T[];
}

export function memoryKubernetes(): MemoryKubernetes {
  const objects = new Map<string, Stored>();
  const waiters = new Set<Waiter>();
  const history: { plural: string; event: WatchEvent<Stored> }[] = [];
  let version = 0;

  const key = (kind: Kind<KubernetesObject>, name: string, namespace?: string) =>
    `${kind.plural}/${kind.namespaced ? (namespace ?? '') : ''}/${name}`;
  const fail = (status: number, reason: string, request: string): never => {
    throw new KubernetesFailure({ status, reason, message: `${reason}: ${request}`, request });
  };
  const tell = (plural: string, event: WatchEvent<Stored>) => {
    history.push({ plural, event });
    for (const waiter of waiters) if (waiter.plural === plural) waiter.push(event);
  };
  const save = (kind: Kind<KubernetesObject>, object: Stored, type: 'ADDED' | 'MODIFIED'): Stored => {
    const saved = structuredClone({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(++version) },
    });
    const place = key(kind, saved.metadata.name, saved.metadata.namespace);
    if (saved.metadata.deletionTimestamp && !saved.metadata.finalizers?.length) {
      objects.delete(place);
      tell(kind.plural, { type: 'DELETED', object: saved });
    } else {
      objects.set(place, saved);
      tell(kind.plural, { type, object: saved });
    }
    return structuredClone(saved);
  };

  const memory: MemoryKubernetes = {
    requests: [],
    answer: () => ({}),
    before: () => {},
    stored: (kind) =>
      [...objects.entries()]
        .filter(([place]) => place.startsWith(`${kind.plural}/`))
        .map(([, object]) => structuredClone(object)) as never,
    async get(kind, name, namespace) {
      await memory.before('get', kind.plural, name);
      return structuredClone(objects.get(key(kind, name, namespace))) as never;
    },
    async list(kind, options = {}) {
      await memory.before('list', kind.plural, options);
      const keep = options.keep ?? ((object) => object);
      const wanted = (options.labelSelector ?? '').split(',').filter(Boolean);
      const items = memory.stored(kind).filter((object) => {
        if (options.namespace && object.metadata.namespace !== options.namespace) return false;
        const nodeName = /^spec\.nodeName=(.*)$/.exec(options.fieldSelector ?? '')?.[1];
        if (
          nodeName !== undefined &&
          (object as { spec?: { nodeName?: string } }).spec?.nodeName !== nodeName
        ) {
          return false;
        }
        const podIp = /^status\.podIP=(.*)$/.exec(options.fieldSelector ?? '')?.[1];
        if (podIp !== undefined && (object as { status?: { podIP?: string } }).status?.podIP !== podIp) {
          return false;
        }
        const named = /^metadata\.name=(.*)$/.exec(options.fieldSelector ?? '')?.[1];
        if (named !== undefined && object.metadata.name !== named) return false;
        const signer = /^spec\.signerName=(.*)$/.exec(options.fieldSelector ?? '')?.[1];
        if (
          signer !== undefined &&
          (object as { spec?: { signerName?: string } }).spec?.signerName !== signer
        ) {
          return false;
        }
        return wanted.every((pair) => {
          const [, name = '', differs, value] = /^([^!=]+)(!)?=(.*)$/.exec(pair) ?? [];
          return (object.metadata.labels?.[name] === value) !== (differs === '!');
        });
      });
      return { items: items.flatMap((item) => keep(item) ?? []), resourceVersion: String(version) };
    },
    async create(kind, object) {
      await memory.before('create', kind.plural, object);
      if (objects.has(key(kind, object.metadata.name, object.metadata.namespace))) {
        fail(409, 'AlreadyExists', object.metadata.name);
      }
      const { status: _, ...rest } = object as Stored;
      const created = kind.apiVersion.startsWith('regnode.io') ? rest : object;
      const metadata = {
        ...object.metadata,
        uid: `uid-${version + 1}`,
        creationTimestamp: new Date(1_700_000_000_000 + version * 1000).toISOString(),
      };
      return save(kind, { ...created, metadata }, 'ADDED') as never;
    },
    async replace(kind, object, subresource) {
      await memory.before(subresource ? `replace/${subresource}` : 'replace', kind.plural, object);
      const current = objects.get(key(kind, object.metadata.name, object.metadata.namespace));
      if (!current) return fail(404, 'NotFound', object.metadata.name);
      const { resourceVersion } = object.metadata;
      if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) {
        fail(409, 'Conflict', object.metadata.name);
      }
      return save(kind, merged(kind, current, object as Stored, subresource), 'MODIFIED') as never;
    },
    async patch(kind, name, patch, options = {}) {
      const { subresource, namespace, type = 'merge' } = options;
      await memory.before(subresource ? `patch/${subresource}` : 'patch', kind.plural, patch);
      const current = objects.get(key(kind, name, namespace));
      if (!current) return fail(404, 'NotFound', name);
      const wanted = (
        type === 'json'
          ? (jsonPatch(current, patch as Operations) ?? fail(422, 'Invalid', name))
          : mergePatch(current, type === 'strategic' ? strategic(current, patch) : patch)
      ) as Stored;
      const { resourceVersion, uid } = wanted.metadata;
      if (resourceVersion !== current.metadata.resourceVersion || uid !== current.metadata.uid)
        fail(409, 'Conflict', name);
      const next = merged(kind, current, wanted, subresource);
      if (JSON.stringify(next) === JSON.stringify(current)) return structuredClone(current) as never;
      return save(kind, next, 'MODIFIED') as never;
    },
    async apply(kind, object) {
      const { name, namespace } = object.metadata;
      return objects.has(key(kind, name, namespace))
        ? memory.patch(kind, name, object, { ...(namespace ? { namespace } : {}) })
        : memory.create(kind, object);
    },
    async remove(kind, name, options = {}) {
      await memory.before('delete', kind.plural, name);
      const current = objects.get(key(kind, name, options.namespace));
      if (!current) return false;
      if (options.uid && options.uid !== current.metadata.uid) fail(409, 'Conflict', name);
      const metadata = { ...current.metadata, deletionTimestamp: new Date(0).toISOString() };
      save(kind, { ...current, metadata }, 'MODIFIED');
      return true;
    },
    async *watch(kind, { signal, resourceVersion }) {
      const queue: WatchEvent<Stored>[] = history
        .filter(({ plural, event }) => plural === kind.plural && versionOf(event) > Number(resourceVersion))
        .map(({ event }) => structuredClone(event));
      let wake = () => {};
      const waiter: Waiter = {
        plural: kind.plural,
        push: (event) => {
          queue.push(structuredClone(event));
          wake();
        },
      };
      waiters.add(waiter);
      try {
        while (!signal.aborted) {
          const event = queue.shift();
          if (event) yield event as never;
          else {
            await new Promise<void>((resolve) => {
              wake = resolve;
              signal.addEventListener('abort', () => resolve(), { once: true });
            });
          }
        }
      } finally {
        waiters.delete(waiter);
      }
    },
    async request(method, path, body) {
      memory.requests.push({ method, path, body });
      return memory.answer(method, path, body);
    },
  };
  return memory;
}

/** Custom resources keep their status apart: a write goes to one side or the other. */
function merged(kind: Kind<KubernetesObject>, current: Stored, next: Stored, subresource?: string): Stored {
  if (subresource === 'status') return { ...current, status: next.status };
  const metadata = {
    ...next.metadata,
    uid: current.metadata.uid,
    creationTimestamp: current.metadata.creationTimestamp,
    deletionTimestamp: current.metadata.deletionTimestamp,
  } as Stored['metadata'];
  return kind.apiVersion.startsWith('regnode.io')
    ? { ...next, metadata, status: current.status }
    : { ...next, metadata };
}

/** Of a strategic merge patch only what is used: conditions are one list, merged by their type. */
function strategic(current: Stored, patch: unknown): unknown {
  type Conditions = { status?: { conditions?: { type: string }[] } };
  const before = (current as Conditions).status?.conditions ?? [];
  const patched = (patch as Conditions).status?.conditions ?? [];
  const kept = before.map((old) => ({ ...old, ...patched.find(({ type }) => type === old.type) }));
  const added = patched.filter(({ type }) => before.every((old) => old.type !== type));
  return mergePatch(patch, { status: { conditions: [...kept, ...added] } });
}

type Operations = readonly { op: string; path: string; value?: unknown }[];

/**
 * Of RFC 6902 what is used; undefined: it can't be applied. What is not there is null, as for the API server.
 */
function jsonPatch(target: unknown, operations: Operations): unknown {
  // What the API server gives has a spec, if an empty one.
  const patched = { spec: {}, ...structuredClone(target as Stored) };
  for (const { op, path, value } of operations) {
    const keys = path.split('/').slice(1);
    const last = keys.pop() ?? '';
    const place = keys.reduce<unknown>(
      (at, key) => (at as Record<string, unknown> | undefined)?.[key],
      patched,
    );
    if (typeof place !== 'object' || place === null) return undefined;
    const members = place as Record<string, unknown>;
    if (op === 'test') {
      if (!isDeepStrictEqual(members[last] ?? null, value ?? null)) return undefined;
    } else if (Array.isArray(place)) {
      if (op === 'add') place.splice(last === '-' ? place.length : Number(last), 0, value);
      else if (!(last in place)) return undefined;
      else place.splice(Number(last), 1);
    } else if (op === 'add') members[last] = value;
    else if (!(last in members)) return undefined;
    else delete members[last];
  }
  return patched;
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> =
    typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

function versionOf(event: WatchEvent<Stored>): number {
  return Number(
    event.type === 'BOOKMARK' || event.type === 'UNREAD'
      ? event.resourceVersion
      : event.object.metadata.resourceVersion,
  );
}
