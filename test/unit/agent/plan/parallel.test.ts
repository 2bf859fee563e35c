// Archives side by side, and files, links and parameters: never more than the limit, each archive fetched
// before it is unpacked; the first failure ends the others and is the one that is told, and everything else
// of a plan stays in its order.
import { expect, test } from 'vitest';
import { groupSteps, isLanes, runSideBySide } from '../../../../agent/plan/parallel.ts';
import type { MakeStep, Step } from '../../../../agent/plan/plan.ts';
import type { Resource } from '../../../../agent/plan/resource.ts';

const artifact = (sha256: string) =>
  ({
    component: 'runc',
    version: '1',
    architecture: 'amd64',
    path: '/artifacts/a',
    sizeBytes: 1,
    sha256,
  }) as const;
const step = (key: string, resource: Resource): MakeStep => ({
  action: 'make',
  key,
  title: key,
  reason: '',
  diff: [],
  resource,
});
const fetch = (sha256: string) =>
  step(`fetch ${sha256}`, { kind: 'artifact', artifact: artifact(sha256), tree: '/t' });
const unpack = (sha256: string) =>
  step(`unpack ${sha256}`, { kind: 'tree', artifact: artifact(sha256), path: '/t' });
const folder = (key: string) => step(key, { kind: 'directory', path: '/f', mode: 0o755, content: 'ours' });
const link = (key: string) => step(key, { kind: 'link', path: '/l', target: 't' });
const file = (key: string) => step(key, { kind: 'file', path: '/x', mode: 0o644, content: '' });
const sysctl = (key: string) => step(key, { kind: 'sysctl', name: key, value: '1' });
const unit = (key: string) => step(key, { kind: 'unit', name: key });
const names = (steps: readonly Step[]) => steps.map(({ key }) => key).join(', ');
const shown = (steps: readonly Step[]) =>
  groupSteps(steps).map((group) =>
    isLanes(group) ? { folders: names(group.folders), lanes: group.lanes.map(names) } : group.key,
  );

test('an archive is fetched and unpacked in a lane of its own, the folders come before all of them', () => {
  const steps = [fetch('a'), fetch('b'), folder('f'), folder('g'), unpack('a'), folder('h'), unpack('b')];
  expect(shown(steps)).toEqual([{ folders: 'f, g, h', lanes: ['fetch a, unpack a', 'fetch b, unpack b'] }]);
});

test('files, links and parameters are made side by side, the folders between them first', () => {
  const steps = [
    link('c'),
    folder('f'),
    file('x'),
    unit('u'),
    sysctl('s'),
    folder('g'),
    folder('h'),
    file('y'),
  ];
  expect(shown(steps)).toEqual([
    { folders: 'f', lanes: ['c', 'x'] },
    'u',
    { folders: 'g, h', lanes: ['s', 'y'] },
  ]);
});

test('everything else stays in its order, also folders that nothing follows', () => {
  const steps = [
    unit('u'),
    folder('f'),
    unit('v'),
    unpack('a'),
    folder('g'),
    unit('w'),
    fetch('b'),
    folder('h'),
  ];
  expect(shown(steps)).toEqual([
    'u',
    'f',
    'v',
    { folders: '', lanes: ['unpack a'] },
    'g',
    'w',
    { folders: '', lanes: ['fetch b'] },
    'h',
  ]);
});

test('an archive is never beside a file: its programs are whole before anything names them', () => {
  expect(shown([link('c'), fetch('a'), unpack('a'), file('x')])).toEqual([
    { folders: '', lanes: ['c'] },
    { folders: '', lanes: ['fetch a, unpack a'] },
    { folders: '', lanes: ['x'] },
  ]);
});

test('images are imported side by side, and never beside anything else', () => {
  const images = (name: string) =>
    step(name, { kind: 'images', folder: `/${name}`, ctr: '/ctr', socket: '/socket' });
  const steps = [unpack('a'), images('i'), images('j'), folder('f'), images('k'), link('c')];
  expect(shown(steps)).toEqual([
    { folders: '', lanes: ['unpack a'] },
    { folders: '', lanes: ['i', 'j'] },
    'f',
    { folders: '', lanes: ['k'] },
    { folders: '', lanes: ['c'] },
  ]);
});

test('what is taken back is never part of a lane', () => {
  const thing = { key: 'tree:/t', kind: 'tree', entries: [] };
  const withdraw = { ...link('w'), action: 'withdraw', thing } as unknown as Step;
  expect(shown([fetch('a'), withdraw, unpack('a')])).toEqual([
    { folders: '', lanes: ['fetch a'] },
    'w',
    { folders: '', lanes: ['unpack a'] },
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
