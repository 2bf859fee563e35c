// From observations to findings: what has to last before it is told, what has to last before it is over, and
// that a consequence names its cause.
import { describe, expect, test } from 'vitest';
import type { HealthCondition, Observation } from '../../../../agent/health/condition.ts';
import { healthTable } from '../../../../agent/health/table.ts';
import { HealthTracker } from '../../../../agent/health/tracker.ts';
import type { HealthFinding } from '../../../../protocol/messages/health.ts';

const table: readonly HealthCondition[] = [
  row('CONTAINERD_UNHEALTHY', []),
  row('KUBELET_UNHEALTHY', ['CONTAINERD_UNHEALTHY']),
  row('TUNNEL_DOWN', ['KUBELET_UNHEALTHY']),
  { ...row('DISK_FILLING', []), severity: 'warning' },
];

function row(code: HealthCondition['code'], dependsOn: HealthCondition['dependsOn']): HealthCondition {
  return { code, condition: 'Test', severity: 'critical', dependsOn, visibleAfterMs: 60, clearsAfterMs: 100 };
}

/** Observes in turn, at the given times; the codes that are visible after each. */
function follow(...steps: readonly (readonly [atMs: number, ...seen: Observation[]])[]) {
  const tracker = new HealthTracker(table);
  return steps.map(([atMs, ...seen]) => {
    const changed = tracker.observe(seen, { nowMs: 1_700_000_000_000 + atMs, monotonicMs: atMs });
    return { changed, findings: tracker.findings, codes: tracker.findings.map(({ code }) => code) };
  });
}

const bad = (code: HealthCondition['code'], more: Partial<Observation> = {}): Observation => ({
  code,
  state: 'bad',
  ...more,
});
const good = (code: HealthCondition['code']): Observation => ({ code, state: 'good' });

describe('hysteresis', () => {
  test('what is bad for long enough becomes visible, with the time when it began', () => {
    const [first, second, third] = follow(
      [0, bad('DISK_FILLING')],
      [59, bad('DISK_FILLING')],
      [60, bad('DISK_FILLING')],
    );
    expect([first?.codes, second?.codes, third?.codes]).toEqual([[], [], ['DISK_FILLING']]);
    expect([first?.changed, second?.changed, third?.changed]).toEqual([false, false, true]);
    expect(third?.findings[0]?.since).toBe(new Date(1_700_000_000_000).toISOString());
  });

  test('what has lasted when it is first seen is told sooner, and since when it has', () => {
    const states = follow(
      [1000, bad('DISK_FILLING', { lastedMs: 40 })],
      [1019, bad('DISK_FILLING', { lastedMs: 59 })],
      [1020, bad('DISK_FILLING', { lastedMs: 60 })],
    );
    expect(states.map(({ codes }) => codes.length)).toEqual([0, 0, 1]);
    expect(states[2]?.findings[0]?.since).toBe(new Date(1_700_000_000_960).toISOString());
    expect(follow([0, bad('DISK_FILLING', { lastedMs: 60 })])[0]?.codes).toEqual(['DISK_FILLING']);
  });

  test('one good look begins the waiting anew', () => {
    const states = follow(
      [0, bad('DISK_FILLING')],
      [50, good('DISK_FILLING')],
      [70, bad('DISK_FILLING')],
      [120, bad('DISK_FILLING')],
      [130, bad('DISK_FILLING')],
    );
    expect(states.map(({ codes }) => codes.length)).toEqual([0, 0, 0, 0, 1]);
  });

  test('what is visible stays until it was good for long enough without a break', () => {
    const states = follow(
      [0, bad('DISK_FILLING')],
      [60, bad('DISK_FILLING')],
      [70, good('DISK_FILLING')],
      [160, good('DISK_FILLING')],
      [161, bad('DISK_FILLING')],
      [162, good('DISK_FILLING')],
      [261, good('DISK_FILLING')],
      [262, good('DISK_FILLING')],
    );
    expect(states.map(({ codes }) => codes.length)).toEqual([0, 1, 1, 1, 1, 1, 1, 0]);
    // A short good look was no end: it is the same trouble, told once.
    expect(states.map(({ changed }) => changed)).toEqual([
      false,
      true,
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
  });

  test('what nobody could see is neither better nor worse', () => {
    const unknown: Observation = { code: 'DISK_FILLING', state: 'unknown' };
    const states = follow([0, bad('DISK_FILLING')], [30, unknown], [60, bad('DISK_FILLING')], [900, unknown]);
    expect(states.map(({ codes }) => codes.length)).toEqual([0, 0, 1, 1]);
  });
});

describe('news', () => {
  const values = (percent: number) => ({ path: '/var', percent, freeMiB: 9, evictionPercent: 10 });

  test('another number is none; a worse severity is, and tells the numbers that it has now', () => {
    const [, raised, number, worse] = follow(
      [0, bad('DISK_FILLING', { values: values(14) })],
      [60, bad('DISK_FILLING', { values: values(13) })],
      [70, bad('DISK_FILLING', { values: values(12) })],
      [80, bad('DISK_FILLING', { values: values(4), severity: 'critical' })],
    );
    expect(raised?.findings[0]).toMatchObject({ values: { percent: 13 }, severity: 'warning' });
    expect(number?.changed).toBe(false);
    expect(number?.findings).toEqual(raised?.findings);
    expect(worse?.changed).toBe(true);
    expect(worse?.findings[0]).toMatchObject({ values: { percent: 4 }, severity: 'critical' });
    expect(worse?.findings[0]?.message).toContain('4 % of its room left');
    expect(worse?.findings[0]?.since).toBe(raised?.findings[0]?.since);
  });
});

describe('causes', () => {
  test('a consequence names the first cause, also through one that is not visible, and comes last', () => {
    const [, both] = follow(
      [0, bad('CONTAINERD_UNHEALTHY'), bad('TUNNEL_DOWN'), bad('DISK_FILLING')],
      [60, bad('CONTAINERD_UNHEALTHY'), bad('TUNNEL_DOWN'), bad('DISK_FILLING')],
    );
    expect(both?.findings.map(({ code, cause }) => [code, cause])).toEqual([
      ['CONTAINERD_UNHEALTHY', undefined],
      ['DISK_FILLING', undefined],
      ['TUNNEL_DOWN', 'CONTAINERD_UNHEALTHY'],
    ]);
  });

  test('of the real table lead to real rows, and never in a circle', () => {
    const codes = healthTable.map(({ code }) => code);
    const below = (code: string): readonly string[] =>
      healthTable.find((one) => one.code === code)?.dependsOn ?? [];
    for (const code of codes) {
      let reached = new Set(below(code));
      for (let depth = 0; depth < codes.length; depth++) {
        reached = new Set([...reached, ...[...reached].flatMap(below)]);
      }
      expect([...reached].filter((one) => !codes.includes(one as never))).toEqual([]);
      expect(reached.has(code), code).toBe(false);
    }
  });
});

describe('what was visible before the agent was started again', () => {
  const remembered: HealthFinding = {
    code: 'DISK_FILLING',
    condition: 'Test',
    severity: 'warning',
    since: '2026-01-01T00:00:00.000Z',
    dependsOn: [],
    values: {},
    message: '',
    remedy: '',
  };

  test('stays, since when it began, until it was good for long enough', () => {
    const tracker = new HealthTracker(table, [remembered]);
    expect(tracker.findings).toEqual([remembered]);
    tracker.observe([bad('DISK_FILLING')], { nowMs: 0, monotonicMs: 5 });
    expect(tracker.findings[0]?.since).toBe(remembered.since);
    tracker.observe([good('DISK_FILLING')], { nowMs: 0, monotonicMs: 10 });
    expect(tracker.findings).toHaveLength(1);
    tracker.observe([good('DISK_FILLING')], { nowMs: 0, monotonicMs: 110 });
    expect(tracker.findings).toEqual([]);
  });

  test('is forgotten when this release does not know it', () => {
    expect(new HealthTracker(table, [{ ...remembered, code: 'OF_ANOTHER_RELEASE' }]).findings).toEqual([]);
  });
});
