// However long and varied a node's reports are, its registration and its Node stay small, and
// say nothing in others' names.
import { expect, test } from 'vitest';
import { reportedFields } from '../../../../gateway/cli/reported-fields.ts';
import { healthConditions, nodeConditionsPatch } from '../../../../gateway/nodes/health.ts';
import { nodeStatus, type Observation } from '../../../../gateway/nodes/status.ts';
import type { Report } from '../../../../gateway/nodes/tunnels.ts';
import {
  type Condition,
  type RegisteredNode,
  registeredNodeStatusSchema,
} from '../../../../gateway/resources/registered-node.ts';
import { structuralSchema } from '../../../../gateway/resources/schema.ts';
import type { HealthFinding } from '../../../../protocol/messages/health.ts';
import { type ReportBody, reportShape, type Whole } from '../../../../protocol/messages/report.ts';

const finding = (condition: string): HealthFinding => ({
  code: 'DISK_FILLING',
  condition,
  severity: 'warning',
  since: '2026-01-01T00:00:00.000Z',
  dependsOn: [],
  values: {},
  message: 'x'.repeat(1000),
  remedy: '',
});
const registered: RegisteredNode = {
  metadata: { name: 'idc-1' },
  spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
  status: { joinedAt: 'then', versions: { kubelet: 'v1.20.2', agent: '0.1.0' } },
};

function after(report: Partial<Report>, node: RegisteredNode): RegisteredNode {
  const whole: Report = {
    kind: 'report',
    phase: 'Running',
    revision: '',
    versions: {},
    detail: '',
    ...report,
  };
  const seen: Observation = {
    node: undefined,
    tunnel: { connected: true, sinceMs: 1, report: whole, claimed: true },
    gateway: 'gw',
    isLive: () => true,
    settled: true,
    desiredRevision: '',

    contested: [],
    nowMs: 2000,
  };
  return { ...node, status: nodeStatus(node, seen) };
}

test('a thousand reports, each with other components and other conditions', () => {
  let node = registered;
  for (let count = 0; count < 1000; count += 1) {
    const versions = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`c-${count}-${index}`, 'v1']),
    );
    const health = Array.from({ length: 64 }, (_, index) => finding(`T${count}x${index}`));
    node = after({ versions, health, detail: 'y'.repeat(60_000) }, node);
  }
  expect(node.status?.versions).toMatchObject({ kubelet: 'v1.20.2', agent: '0.1.0' });
  expect(Object.keys(node.status?.versions ?? {})).toHaveLength(32);
  expect(node.status?.detail).toHaveLength(2048);
  expect(JSON.stringify(node.status).length).toBeLessThan(64 * 1024);
});

test('a component with an endless name or version is left out; known ones follow the report', () => {
  const versions = { kubelet: 'v1.21.0', ['n'.repeat(65)]: 'v1', runc: 'v'.repeat(65) };
  expect(after({ versions }, registered).status?.versions).toEqual({ kubelet: 'v1.21.0', agent: '0.1.0' });
});

test('what is the kubelet’s or the gateway’s is not raised by a report', () => {
  const health = ['Ready', 'DiskPressure', 'TunnelConnected', 'DiskFilling'].map(finding);
  const conditions: readonly Condition[] = healthConditions([], health, 1000);
  expect(conditions.map(({ type }) => type)).toEqual(['DiskFilling']);
  const patch = nodeConditionsPatch({ metadata: { name: 'idc-1' } }, conditions);
  expect(JSON.stringify(patch)).not.toMatch(/"Ready"|DiskPressure/);
});

test('every field of a report stands in the status, in the CRD and in what node get shows, or is a condition', () => {
  const text = 'seen';
  const note = { component: text, from: text, to: text, state: 'held', at: text } as const;
  const drift = { key: text, reason: text, repaired: false, at: text };
  const report: Whole<ReportBody> = {
    ...{ phase: 'Degraded', revision: text, detail: text, versions: { kubelet: text } },
    ...{ health: [finding('Seen')], upgrades: [note], drift: [drift] },
  };
  const status = after(report, registered).status ?? {};
  const crd = structuralSchema(registeredNodeStatusSchema).properties;
  const shown = new Set(reportedFields({}).map(([name]) => name));
  for (const field of Object.keys(reportShape) as (keyof ReportBody)[]) {
    if (field === 'health') continue;
    expect(JSON.stringify(status[field])).toMatch(/seen|Degraded/);
    expect(crd).toHaveProperty(field);
    const rows = reportedFields({ [field]: status[field] });
    expect(
      rows.some(([name, value]) => !shown.has(name) || /seen|Degraded/.test(value)),
      field,
    ).toBe(true);
  }
  expect(status.conditions?.map(({ type }) => type)).toContain('Seen');
});
