// Downloads side by side: never more than the limit, the first failure ends the others and is the one that is told, and
// everything else of a plan stays in its order.
import { expect, test } from 'vitest';
import { groupSteps, runSideBySide } from '../../../../agent/plan/parallel.ts';
import type { MakeStep } from '../../../../agent/plan/plan.ts';
import type { Resource } from '../../../../agent/plan/resource.ts';

const artifact = {
  component: 'runc',
  version: '1',
  architecture: 'amd64',
  path: '/artifacts/a',
  sizeBytes: 1,
  sha256: '',
} as const;
const step = (key: string, resource: Resource): MakeStep => ({
  action: 'make',
  key,
  title: key,
  reason: '',
  diff: [],
  resource,
});
const download = (key: string) => step(key, { kind: 'artifact', artifact, tree: '/t' });
const link = (key: string) => step(key, { kind: 'link', path: '/l', target: 't' });

test('only neighbouring downloads are grouped', () => {
  const steps = [download('a'), download('b'), link('c'), download('d'), link('e'), link('f')];
  expect(groupSteps(steps).map((group) => group.map(({ key }) => key))).toEqual([
    ['a', 'b'],
    ['c'],
    ['d'],
    ['e'],
    ['f'],
  ]);
});

test('so many at a time, all of them once', async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await runSideBySide([1, 2, 3, 4, 5, 6, 7], 3, undefined, async (item) => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    done.push(item);
  });
  expect(most).toBe(3);
  expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test('the first failure stops the others, which are waited for', async () => {
  const ended: string[] = [];
  const run = (item: string, signal: AbortSignal) =>
    item === 'bad'
      ? Promise.reject(new Error('bad'))
      : new Promise<void>((_, reject) => {
          signal.addEventListener('abort', () => {
            ended.push(item);
            reject(new Error('aborted'));
          });
        });
  await expect(runSideBySide(['one', 'two', 'bad', 'never'], 3, undefined, run)).rejects.toThrow('bad');
  expect(ended).toEqual(['one', 'two']);
});

test('an abort from outside is thrown', async () => {
  const stop = new AbortController();
  stop.abort(new Error('stopped'));
  await expect(runSideBySide([1], 3, stop.signal, async () => undefined)).rejects.toThrow('stopped');
});
