// New versions and drift as conditions and events: pure. The same status told twice is no news.
import { expect, test } from 'vitest';
import { upgradeConditions, upgradeEvents } from '../../../../gateway/nodes/upgrade-conditions.ts';
import type { RegisteredNodeStatus } from '../../../../gateway/resources/registered-node.ts';
import type { DriftNote, VersionNote } from '../../../../protocol/messages/report.ts';

const trying: VersionNote = { component: 'kubelet', from: '1', to: '2', state: 'trying', at: '' };
const back: VersionNote = { ...trying, state: 'rolled-back', code: 'UPGRADE_CRASHED', detail: 'it ended' };
const left: DriftNote = { key: 'file:/etc/x', reason: 'other content', repaired: false, at: '1' };
const status = (more: Partial<RegisteredNodeStatus>): RegisteredNodeStatus => more;

test.each([
  ['nothing', {}, ['True', 'VersionsCurrent', 'True', 'NoDrift']],
  ['a trial', { upgrades: [trying] }, ['Unknown', 'UpgradeBegun', 'True', 'NoDrift']],
  ['a version taken back', { upgrades: [back] }, ['False', 'UPGRADE_CRASHED', 'True', 'NoDrift']],
  ['drift that stays', { drift: [left] }, ['True', 'VersionsCurrent', 'False', 'DriftFound']],
  [
    'drift set back',
    { drift: [{ ...left, repaired: true }] },
    ['True', 'VersionsCurrent', 'True', 'NoDrift'],
  ],
])('%s', (_, report, expected) => {
  const conditions = upgradeConditions(report);
  expect(conditions.map(({ type }) => type)).toEqual(['VersionsCurrent', 'InSync']);
  expect(conditions.flatMap(({ status: state, reason }) => [state, reason])).toEqual(expected);
});

const reasons = (before: RegisteredNodeStatus, after: RegisteredNodeStatus) =>
  upgradeEvents(before, after).map(({ type, reason }) => `${type} ${reason}`);

test('the story of a version is told once, step by step', () => {
  const begun = status({ upgrades: [trying], versions: { kubelet: '1' } });
  expect(reasons({}, begun)).toEqual(['Normal UpgradeBegun']);
  expect(reasons(begun, { ...begun, upgrades: [{ ...trying, detail: 'not yet' }] })).toEqual([]);
  expect(reasons(begun, status({ upgrades: [], versions: { kubelet: '2' } }))).toEqual(['Normal Upgraded']);
  expect(reasons(begun, status({ upgrades: [], versions: { kubelet: '1' } }))).toEqual([]);
  expect(reasons(begun, status({ upgrades: [back] }))).toEqual(['Warning UPGRADE_CRASHED']);
  expect(reasons(status({ upgrades: [back] }), status({ upgrades: [back] }))).toEqual([]);
});

test('drift is told when it is found and when it is set back, not while it stays', () => {
  expect(reasons({}, status({ drift: [left] }))).toEqual(['Warning DriftFound']);
  expect(reasons(status({ drift: [left] }), status({ drift: [left] }))).toEqual([]);
  const repaired = { ...left, repaired: true, at: '2' };
  expect(reasons(status({ drift: [left] }), status({ drift: [repaired] }))).toEqual([
    'Warning DriftRepaired',
  ]);
  expect(reasons(status({ drift: [repaired] }), status({ drift: [{ ...repaired, at: '3' }] }))).toEqual([
    'Warning DriftRepaired',
  ]);
});
