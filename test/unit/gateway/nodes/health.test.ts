// An agent's findings as conditions: one a type, quiet when nothing is new, and over when they are over.
import { describe, expect, test } from 'vitest';
import { healthConditions, healthNotes, nodeConditionsPatch } from '../../../../gateway/nodes/health.ts';
import type { Condition } from '../../../../gateway/resources/registered-node.ts';
import type { HealthFinding } from '../../../../protocol/messages/health.ts';

const disk: HealthFinding = {
  code: 'DISK_FILLING',
  condition: 'DiskFilling',
  severity: 'warning',
  since: '2026-01-01T00:00:00.000Z',
  dependsOn: [],
  values: { percent: 12 },
  message: 'it fills',
  remedy: 'clean it',
};
const inodes: HealthFinding = { ...disk, code: 'INODES_FILLING', severity: 'critical', message: 'none left' };
const kubelet: HealthFinding = {
  ...disk,
  code: 'KUBELET_UNHEALTHY',
  condition: 'KubeletUnhealthy',
  cause: 'DISK_FILLING',
};
const own: Condition = { type: 'Ready', status: 'True', reason: 'Kubelet', lastTransitionTime: 'then' };
const raised = healthConditions([own], [disk, kubelet], 1000);

describe('conditions', () => {
  test('one a type: the worst finding is the reason, the others are named', () => {
    const [condition] = healthConditions([], [disk, inodes], 1000);
    expect(condition).toMatchObject({ type: 'DiskFilling', status: 'True', reason: 'INODES_FILLING' });
    expect(condition).toMatchObject({ severity: 'critical', since: disk.since });
    expect(condition?.message).toBe('none left Also: DISK_FILLING. → clean it');
  });

  test('the same findings later are the same conditions', () => {
    expect(healthConditions(raised, [disk, kubelet], 99_000)).toEqual(raised);
  });

  test('an agent that has not said anything yet leaves what was said', () => {
    expect(healthConditions([own, ...raised], undefined, 2000)).toEqual(raised);
  });

  test('what is over stays as False, once', () => {
    const over = healthConditions(raised, [], 2000);
    expect(over.map(({ type, status, message }) => [type, status, message])).toEqual([
      ['DiskFilling', 'False', 'DISK_FILLING is over'],
      ['KubeletUnhealthy', 'False', 'KUBELET_UNHEALTHY is over'],
    ]);
    expect(over[0]?.lastTransitionTime).toBe(new Date(2000).toISOString());
    expect(healthConditions(over, [], 9000)).toEqual(over);
  });

  test('another code of the same type is no transition', () => {
    const [condition] = healthConditions(raised, [inodes], 5000);
    expect(condition).toMatchObject({
      reason: 'INODES_FILLING',
      lastTransitionTime: raised[0]?.lastTransitionTime,
    });
  });
});

describe('events', () => {
  const notes = (before: readonly Condition[], after: readonly Condition[]) =>
    healthNotes(before, after).map(({ type, reason }) => `${type} ${reason}`);

  test('tell a cause and not its consequences', () => {
    expect(notes([own], [own, ...raised])).toEqual(['Warning DISK_FILLING']);
  });

  test('tell nothing twice', () => {
    expect(notes(raised, healthConditions(raised, [disk, kubelet], 9000))).toEqual([]);
  });

  test('tell the end of what was told', () => {
    expect(notes(raised, healthConditions(raised, [], 9000))).toEqual(['Normal Cleared']);
  });

  test('tell a consequence that stays when its cause is gone', () => {
    const { cause: _, ...alone } = kubelet;
    expect(notes(raised, healthConditions(raised, [alone], 9000))).toEqual([
      'Normal Cleared',
      'Warning KUBELET_UNHEALTHY',
    ]);
  });
});

describe('the Node', () => {
  const node = (conditions: readonly object[]) =>
    ({ metadata: { name: 'idc-1' }, status: { conditions } }) as never;
  const patched = (conditions: readonly object[], desired: readonly Condition[]) =>
    (nodeConditionsPatch(node(conditions), desired) as { status: { conditions: object[] } } | undefined)
      ?.status.conditions ?? [];

  test('gets what it lacks and nothing of the gateway’s own conditions', () => {
    expect(patched([], [own, ...raised])).toMatchObject([
      { type: 'DiskFilling' },
      { type: 'KubeletUnhealthy' },
    ]);
  });

  test('is not patched when it says the same', () => {
    expect(patched(patched([], raised), raised)).toEqual([]);
  });

  test('hears the end of what it shows, and nothing of what it never showed', () => {
    const over = healthConditions(raised, [], 2000);
    expect(patched([], over)).toEqual([]);
    expect(patched(patched([], raised), over)).toMatchObject([{ status: 'False' }, { status: 'False' }]);
  });
});
