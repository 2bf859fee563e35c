// A live copy through everything that an API server does to a watch: ends it, forgets the version, goes away.
import { expect, test } from 'vitest';
import { configMaps } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import { type Change, Watcher } from '../../../../gateway/kubernetes/watcher.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';

const map = (name: string, value = '') => ({ metadata: { name, namespace: 'n' }, data: { value } });
const backoff = { firstMs: 1, lastMs: 2 };

async function started(kubernetes: MemoryKubernetes) {
  const errors: unknown[] = [];
  const changes: string[] = [];
  const stop = new AbortController();
  const watcher = new Watcher(kubernetes, configMaps, { onError: (error) => errors.push(error), backoff });
  watcher.onChange(({ name, object, previous }: Change<{ data?: { value?: string } }>) => {
    changes.push(`${name} ${previous?.data?.value ?? '-'}→${object?.data?.value ?? '-'}`);
  });
  const running = watcher.run(stop.signal);
  return {
    watcher,
    errors,
    changes,
    until: async (change: string) => {
      await expect.poll(() => changes, { interval: 1 }).toContain(change);
    },
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}

test('lists, then hears every change once', async () => {
  const kubernetes = memoryKubernetes();
  await kubernetes.create(configMaps, map('a', '1'));
  const live = await started(kubernetes);
  await live.watcher.ready;
  await kubernetes.patch(configMaps, 'a', { data: { value: '2' } }, { namespace: 'n' });
  await kubernetes.create(configMaps, map('b', '1'));
  await kubernetes.remove(configMaps, 'a', { namespace: 'n' });
  await live.until('a 2→-');
  expect(live.changes).toEqual(['a -→1', 'a 1→2', 'b -→1', 'a 2→-']);
  expect([...live.watcher.values()].map(({ metadata }) => metadata.name)).toEqual(['b']);
  expect(live.watcher.get('b', 'n')).toBeDefined();
  await live.stop();
});

test('an API server that is away is asked again, and what changed meanwhile is found', async () => {
  const kubernetes = memoryKubernetes();
  await kubernetes.create(configMaps, map('a', '1'));
  let away = 3;
  kubernetes.before = (verb) => {
    if (verb === 'list' && away-- > 0) throw new Error('ECONNREFUSED');
  };
  const live = await started(kubernetes);
  await live.watcher.ready;
  expect(live.errors).toHaveLength(3);
  expect(live.watcher.synced).toBe(true);
  await live.stop();
});

test.each([
  ['the version is too old (410)', 410, 'Expired', 0],
  ['the API server fails', 500, 'InternalError', 1],
])(
  'a watch that ends because %s lists again and tells only differences',
  async (_name, status, reason, told) => {
    const kubernetes = memoryKubernetes();
    await kubernetes.create(configMaps, map('a', '1'));
    await kubernetes.create(configMaps, map('b', '1'));
    const { watch } = kubernetes;
    let broken = false;
    kubernetes.watch = (kind, options) => {
      if (broken) return watch(kind, options);
      broken = true;
      return (async function* () {
        // While nobody watches, a goes and b changes.
        await kubernetes.remove(configMaps, 'a', { namespace: 'n' });
        await kubernetes.patch(configMaps, 'b', { data: { value: '2' } }, { namespace: 'n' });
        yield { type: 'BOOKMARK', resourceVersion: '1' } as const;
        throw new KubernetesFailure({ status, reason, message: reason, request: 'watch' });
      })();
    };
    const live = await started(kubernetes);
    await live.until('b 1→2');
    await live.until('a 1→-');
    expect(live.changes).toHaveLength(4);
    expect(live.errors).toHaveLength(told);
    await live.stop();
  },
);

test('a watch that simply ends goes on from its last version, without a new list', async () => {
  const kubernetes = memoryKubernetes();
  await kubernetes.create(configMaps, map('a', '1'));
  let lists = 0;
  kubernetes.before = (verb) => {
    if (verb === 'list') lists += 1;
  };
  const { watch } = kubernetes;
  let ended = 0;
  kubernetes.watch = (kind, options) => {
    ended += 1;
    return ended > 3 ? watch(kind, options) : (async function* () {})();
  };
  const live = await started(kubernetes);
  await live.watcher.ready;
  await kubernetes.create(configMaps, map('b', '1'));
  await live.until('b -→1');
  expect(lists).toBe(1);
  await live.stop();
});

test('what could not be read stays as it was known, is told once and read at a pace, and others go on', async () => {
  const kubernetes = memoryKubernetes();
  await kubernetes.create(configMaps, map('large', '1'));
  const { watch } = kubernetes;
  // As the client tells of changes of more than a megabyte.
  kubernetes.watch = async function* (kind, options) {
    for await (const event of watch(kind, options)) {
      const { name, namespace } = 'object' in event ? event.object.metadata : { name: '', namespace: '' };
      const resourceVersion = 'object' in event ? event.object.metadata.resourceVersion : undefined;
      if (!name.startsWith('large')) yield event;
      else yield { type: 'UNREAD', isDeleted: event.type === 'DELETED', name, namespace, resourceVersion };
    }
  };
  let reads = 0;
  let held: Promise<void> | undefined;
  kubernetes.before = async (verb) => {
    if (verb !== 'get') return;
    reads += 1;
    await held;
  };
  const told: string[] = [];
  const changes: string[] = [];
  const watcher = new Watcher(kubernetes, configMaps, {
    onError: () => undefined,
    onUnread: (name) => told.push(name),
    unreadPace: { leastPauseMs: 1, pausePerReading: 0 },
    backoff,
  });
  watcher.onChange(({ name, object }: Change<{ data?: { value?: string } }>) => {
    changes.push(`${name} ${object?.data?.value ?? '-'}`);
  });
  const stop = new AbortController();
  const running = watcher.run(stop.signal);
  await watcher.ready;
  const release = Promise.withResolvers<void>();
  held = release.promise;
  for (let value = 2; value < 50; value++)
    await kubernetes.patch(configMaps, 'large', { data: { value: `${value}` } }, { namespace: 'n' });
  await kubernetes.create(configMaps, map('small', '1'));
  await expect.poll(() => changes, { interval: 1 }).toContain('small 1');
  expect(watcher.get('large', 'n')).toMatchObject({ data: { value: '1' } });
  release.resolve();
  await expect.poll(() => changes, { interval: 1 }).toContain('large 49');
  expect(reads).toBeLessThanOrEqual(3);
  await kubernetes.remove(configMaps, 'large', { namespace: 'n' });
  await expect.poll(() => changes, { interval: 1 }).toContain('large -');
  expect(told).toEqual(['large']);
  // One that nobody knew.
  await kubernetes.create(configMaps, map('large-2', '1'));
  await expect.poll(() => changes, { interval: 1 }).toContain('large-2 1');
  stop.abort();
  await running;
});
