// The gate: what counts as healthy, how long it waits, and what it says when it
// gives up. Time is a number here.
import { expect, test } from 'vitest';
import type { Trial } from '../../../../agent/components/versions.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { stringFields } from '../../../../agent/host/protobuf.ts';
import { createHost } from '../../../../agent/host/real.ts';
import { type GateOptions, passGate, steadyMs } from '../../../../agent/upgrade/gate.ts';
import { type Health, isNewKubelet } from '../../../../agent/upgrade/health.ts';
import { artifact } from '../../gateway/pool.ts';

const trial: Trial = {
  component: 'kubelet',
  from: artifact('kubelet', '1.20.2'),
  to: artifact('kubelet', '1.20.3'),
  attempts: 0,
};
const well: Health = {
  missing: [],
  isSeen: true,
  processes: ['kubelet.service 7'],
  started: ['kubelet.service 7'],
};

/** Runs the gate against what is true at each second. */
async function gate(at: (second: number) => Partial<Health>, more: Partial<GateOptions> = {}) {
  let nowMs = 0;
  const real = createHost();
  const sleep = async (milliseconds: number) => {
    nowMs += milliseconds;
  };
  const host: Host = {
    ...real,
    clock: { ...real.clock, monotonicMs: () => nowMs, sleep },
    processes: {
      ...real.processes,
      run: async () => ({
        exitCode: 0,
        outcome: 'exited',
        stdout: 'it broke\n',
        stderr: '',
        truncated: false,
      }),
    },
  };
  const verdict = await passGate(host, {
    probe: async () => ({ ...well, ...at(Math.floor(nowMs / 1000)) }),
    trial,
    since: '',
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    isDesired: () => true,
    ...more,
  });
  return { verdict, seconds: nowMs / 1000 };
}

test('healthy is healthy for a while', async () => {
  const { verdict, seconds } = await gate(() => ({}));
  expect(verdict).toBe('healthy');
  expect(seconds * 1000).toBeGreaterThanOrEqual(steadyMs);
});

test('a slow start is waited for', async () => {
  const { verdict, seconds } = await gate((second) => (second < 40 ? { missing: ['not yet'] } : {}));
  expect(verdict).toBe('healthy');
  expect(seconds).toBeGreaterThanOrEqual(40);
});

test('a restart in between begins the while anew', async () => {
  const { seconds } = await gate((second) => (second < 8 ? {} : { processes: ['kubelet.service 8'] }));
  expect(seconds * 1000).toBeGreaterThanOrEqual(8000 + steadyMs);
});

test('what is never healthy is given up in time, with what is missing', async () => {
  const { verdict, seconds } = await gate(() => ({ missing: ['the node is not Ready'] }));
  expect(verdict).toMatchObject({
    code: 'UPGRADE_UNHEALTHY',
    values: {
      component: 'kubelet',
      from: '1.20.2',
      to: '1.20.3',
      seconds: 60,
      detail: 'the node is not Ready',
    },
  });
  expect(seconds).toBeLessThan(65);
});

test('what comes and goes is not healthy', async () => {
  const { verdict } = await gate((second) => (second % 5 === 0 ? { missing: ['healthz'] } : {}));
  expect(verdict).toMatchObject({ code: 'UPGRADE_UNHEALTHY' });
});

test('what ends again and again is not waited for, and its last words are told', async () => {
  const { verdict, seconds } = await gate((second) => ({
    missing: ['kubelet.service is not running'],
    started: [`kubelet.service ${Math.floor(second / 2)}`],
  }));
  expect(verdict).toMatchObject({ code: 'UPGRADE_CRASHED', values: { detail: 'it broke' } });
  expect(seconds).toBeLessThan(20);
});

test('while nobody can be asked the time counts a third, but it counts', async () => {
  const { verdict, seconds } = await gate(() => ({
    missing: ['the gateway does not answer'],
    isSeen: false,
  }));
  expect(verdict).toMatchObject({ code: 'UPGRADE_UNHEALTHY' });
  expect(seconds).toBeGreaterThan(170);
});

test('nobody waits for what is not desired any more', async () => {
  expect((await gate(() => ({ missing: ['x'] }), { isDesired: () => false })).verdict).toBe('not-desired');
});

test.each([
  [
    'the old one is still Ready',
    { kubeletVersion: 'v1.20.2', readyHeartbeatAt: '2026-01-01T00:00:10Z' },
    false,
  ],
  ['the new one has spoken', { kubeletVersion: 'v1.20.3-tke.1', readyHeartbeatAt: '' }, true],
  ['an older gateway does not say', {}, false],
])('%s', (_, status, isNew) => {
  expect(isNewKubelet(trial, status, '2026-01-01T00:00:05.700Z')).toBe(isNew);
});

test.each([
  ['2026-01-01T00:00:05Z', true],
  ['2026-01-01T00:00:04Z', false],
])(
  'a rebuild of the same version has spoken when it did so after the flip: %s',
  (readyHeartbeatAt, isNew) => {
    const rebuilt = { ...trial, to: trial.from };
    const status = { kubeletVersion: 'v1.20.2', readyHeartbeatAt };
    expect(isNewKubelet(rebuilt, status, '2026-01-01T00:00:05.700Z')).toBe(isNew);
  },
);

test('the version of a runtime is read from its answer', () => {
  const field = (number: number, text: string) => [(number << 3) | 2, text.length, ...Buffer.from(text)];
  const message = Buffer.from([...field(1, '0.1.0'), ...field(2, 'containerd'), ...field(3, '1.6.20')]);
  expect([...stringFields(message)]).toEqual([
    [1, '0.1.0'],
    [2, 'containerd'],
    [3, '1.6.20'],
  ]);
  expect(stringFields(message.subarray(0, 9)).size).toBe(1);
});
