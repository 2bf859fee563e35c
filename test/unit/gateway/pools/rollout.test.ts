// Which nodes are next: pure. Never more at a time than allowed, never past a failure that nobody tolerates.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planRollout, type RolloutInput } from '../../../../gateway/pools/rollout.ts';
import { skewFault } from '../../../../gateway/pools/skew.ts';
import type { RegisteredNode } from '../../../../gateway/resources/registered-node.ts';

const versions = (kubelet: string) => ({ kubelet, containerd: '1', runc: '1', 'cni-plugins': '1' });
const target = versions('1.20.3');

interface Seen {
  readonly asked?: string;
  readonly has?: string;
  readonly connected?: boolean;
  readonly ready?: boolean;
  readonly state?: 'trying' | 'rolled-back' | 'held';
}

function node(name: string, seen: Seen = {}): RegisteredNode {
  const { asked, has = '1.20.2', connected = true, ready = true, state } = seen;
  const note = { component: 'kubelet', from: '1.20.2', to: '1.20.3', code: 'X', detail: 'why', at: '' };
  return {
    metadata: { name },
    spec: {
      pool: 'idc',
      machineId: '',
      keySha256: '',
      addresses: [],
      ...(asked ? { versions: versions(asked) } : {}),
    },
    status: {
      joinedAt: '2026-01-01T00:00:00Z',
      versions: versions(has),
      tunnel: { connected, since: '', gateway: 'a' },
      ready: ready ? 'True' : 'False',
      ...(state ? { upgrades: [{ ...note, state }] } : {}),
    },
  };
}

const plan = (nodes: RegisteredNode[], more: Partial<RolloutInput> = {}) =>
  planRollout({
    target,
    nodes,
    maxUnavailable: 1,
    toleratedFailures: 0,
    paused: false,
    blocked: '',
    generation: 3,
    begun: [],
    ...more,
  });

const asks = (nodes: RegisteredNode[], more: Partial<RolloutInput> = {}) =>
  plan(nodes, more).ask.map((one) => one.node);

const waiting = ['c', 'a', 'b'].map((name) => node(name));
const done = (name: string) => node(name, { asked: '1.20.3', has: '1.20.3' });
const busy = (name: string) => node(name, { asked: '1.20.3' });
const failed = (name: string) => node(name, { asked: '1.20.3', state: 'rolled-back' });

test('the first by name begins, as many as may', () => {
  expect(asks(waiting)).toEqual(['a']);
  expect(asks(waiting, { maxUnavailable: 2 })).toEqual(['a', 'b']);
});

test('the next begins when the one before has it and is Ready', () => {
  expect(asks([busy('a'), node('b')])).toEqual([]);
  expect(asks([node('a', { asked: '1.20.3', has: '1.20.3', ready: false }), node('b')])).toEqual([]);
  expect(asks([node('a', { asked: '1.20.3', has: '1.20.3', state: 'trying' }), node('b')])).toEqual([]);
  expect(asks([done('a'), node('b')])).toEqual(['b']);
  expect(plan([done('a'), done('b')]).status).toMatchObject({
    state: 'Done',
    done: 2,
    total: 2,
    generation: 3,
  });
});

test('one that took it back stops everything, until it is tolerated', () => {
  expect(plan([failed('a'), node('b')])).toMatchObject({
    ask: [],
    status: { state: 'Paused', failed: [{ node: 'a', code: 'X', message: 'why' }], detail: 'a: why' },
  });
  expect(asks([failed('a'), node('b')], { toleratedFailures: 1 })).toEqual(['b']);
  expect(plan([failed('a'), done('b')], { toleratedFailures: 1 }).status.state).toBe('Done');
});

test('what failed under another target is no failure of this one', () => {
  const other = { ...versions('1.20.4') };
  expect(asks([failed('a')], { target: other })).toEqual(['a']);
});

test('one that is away is passed over, and one that went away in the middle is waited for', () => {
  const away = node('a', { connected: false });
  expect(plan([away, node('b')])).toMatchObject({
    ask: [{ node: 'b' }],
    status: { unreachable: ['a'] },
  });
  expect(asks([node('a', { asked: '1.20.3', connected: false }), node('b')])).toEqual([]);
});

test('a host that cannot have it counts as done', () => {
  expect(plan([node('a', { asked: '1.20.3', state: 'held' })]).status.state).toBe('Done');
});

test('a node that is joining gets what the pool has, and holds nobody up', () => {
  const joining = { ...node('a'), status: { joinedAt: '2026-01-01T00:00:00Z' } };
  expect(plan([joining, node('b')])).toMatchObject({
    ask: [{ node: 'b' }],
    status: { updating: ['b'] },
  });
});

test('what keeps a node from even trying is told', () => {
  const stuck = busy('a');
  const status = { ...stuck.status, phase: 'Degraded' as const, detail: 'NO_SPACE: the disk is full' };
  expect(plan([{ ...stuck, status }]).status.detail).toBe('a: NO_SPACE: the disk is full');
});

test('a gateway that died between its two writes tells the node after all', () => {
  expect(asks([node('a'), node('b')], { begun: ['a'] })).toEqual(['a']);
});

test.each([
  ['paused', { paused: true }, 'Paused'],
  ['blocked', { blocked: 'no such kubelet' }, 'Blocked'],
] as const)('nobody begins while it is %s', (_, more, state) => {
  expect(plan(waiting, more)).toMatchObject({ ask: [], status: { state } });
});

test('whatever is seen, no more than allowed are under way, and a step is never taken twice', () => {
  const seen = fc.record({
    asked: fc.constantFrom('1.20.2', '1.20.3'),
    has: fc.constantFrom('1.20.2', '1.20.3'),
    connected: fc.boolean(),
    ready: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(seen, { maxLength: 8 }), fc.integer({ min: 1, max: 4 }), (all, maxUnavailable) => {
      const nodes = all.map((one, index) => node(`n${index}`, one));
      const first = plan(nodes, { maxUnavailable });
      const before = all.filter(
        (one) => one.asked === '1.20.3' && (one.has !== '1.20.3' || !one.ready),
      ).length;
      expect(first.ask.length).toBeLessThanOrEqual(Math.max(0, maxUnavailable - before));
      const told = nodes.map((one) =>
        first.ask.some(({ node }) => node === one.metadata.name)
          ? { ...one, spec: { ...one.spec, versions: target } }
          : one,
      );
      const second = plan(told, { maxUnavailable, begun: first.status.updating });
      const again = second.ask.filter(({ node }) => first.ask.some((one) => one.node === node));
      expect(again).toEqual([]);
    }),
  );
});

describe('a restart for other settings', () => {
  const id = (letter: string) => letter.repeat(16);
  const restarting = (
    name: string,
    { state = 'waiting', to = id('a'), granted, ready = true, connected = true }: Restart = {},
  ): RegisteredNode => {
    const base = node(name, { asked: '1.20.3', has: '1.20.3', ready, connected });
    const note = { component: 'settings', from: '', to, state, code: '', detail: 'kubelet.service', at: '' };
    return {
      ...base,
      spec: { ...base.spec, ...(granted ? { restart: granted } : {}) },
      status: { ...base.status, upgrades: [note] },
    };
  };
  interface Restart {
    readonly state?: 'waiting' | 'trying' | 'rolled-back';
    readonly to?: string;
    readonly granted?: string;
    readonly ready?: boolean;
    readonly connected?: boolean;
  }

  test('has its turn like a version, by the id that the node told', () => {
    const { ask, status } = plan([restarting('a'), restarting('b', { to: id('b') })]);
    expect(ask).toEqual([{ node: 'a', restart: id('a') }]);
    expect(status).toMatchObject({ state: 'Progressing', updating: ['a'], done: 0 });
    expect(asks([restarting('a'), restarting('b')], { maxUnavailable: 2 })).toEqual(['a', 'b']);
  });

  test.each(['waiting', 'trying'] as const)('once it has its turn and is %s, the next waits', (state) => {
    expect(asks([restarting('a', { state, granted: id('a') }), restarting('b')])).toEqual([]);
    expect(asks([done('a'), restarting('b')])).toEqual(['b']);
  });

  test('other settings since it had its turn need another turn', () => {
    expect(asks([restarting('a', { granted: id('b') }), restarting('b', { granted: id('c') })])).toEqual([
      'a',
    ]);
  });

  test('shares its room with versions', () => {
    expect(asks([busy('a'), restarting('b')])).toEqual([]);
    expect(asks([restarting('a', { granted: id('a') }), node('b')])).toEqual([]);
  });

  test('where it did not do, nobody else begins', () => {
    const bad = restarting('a', { state: 'rolled-back', granted: id('a') });
    expect(plan([bad, restarting('b')])).toMatchObject({ ask: [], status: { state: 'Paused' } });
    expect(asks([bad, restarting('b')], { toleratedFailures: 1 })).toEqual(['b']);
    expect(asks([restarting('b')], { paused: true })).toEqual([]);
  });

  test('a node that is not Ready has the first turn, one that is away has none', () => {
    expect(asks([restarting('a'), restarting('b', { ready: false })])).toEqual(['b']);
    expect(asks([restarting('a', { connected: false }), restarting('b')])).toEqual(['b']);
  });

  test('an id that no agent makes is none', () => {
    expect(asks([restarting('a', { to: 'x y' }), restarting('b')])).toEqual([]);
  });
});

describe('kubelet and API server', () => {
  test.each([
    ['1.20.3', 'v1.20.2', true],
    ['v1.18.20', 'v1.20.2', true],
    ['1.17.0', 'v1.20.2', false],
    ['1.21.0', 'v1.20.9', false],
    ['1.25.0', 'v1.28.1+vendor', true],
    ['1.24.0', 'v1.28.1', false],
    ['2.0.0', 'v1.28.1', false],
    ['nightly', 'v1.28.1', true],
  ])('a kubelet %s with an API server %s: %s', (kubelet, server, fits) => {
    expect(skewFault(kubelet, server) === undefined).toBe(fits);
  });
});
