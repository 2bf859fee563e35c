// A node that sends nonsense is named in the audit, for each reason, and does not fill it.
import { expect, test } from 'vitest';
import type { AuditRecord } from '../../../../gateway/audit/audit.ts';
import { TelemetryIntake } from '../../../../gateway/telemetry/intake.ts';
import { auditRefusals } from '../../../../gateway/telemetry/refusal-audit.ts';

test('once a minute for each node and reason, with how often it was not told', () => {
  const records: AuditRecord[] = [];
  let nowMs = 0;
  const audit = { record: (record: AuditRecord) => void records.push(record), reopen() {}, close() {} };
  const intake = new TelemetryIntake({ poolOf: () => 'idc', onRefusal: auditRefusals(audit, () => nowMs) });
  for (let count = 0; count < 1000; count += 1) {
    intake.accept('idc-1', Buffer.alloc(3));
    intake.heartbeat('idc-1', Buffer.alloc(7));
  }
  intake.accept('idc-2', Buffer.alloc(3));
  nowMs = 60_000;
  intake.accept('idc-1', Buffer.alloc(3));
  const refused = { event: 'telemetry', outcome: 'refused' };
  expect(records).toEqual([
    { ...refused, node: 'idc-1', reason: 'too-short', unsaid: 0 },
    { ...refused, node: 'idc-1', reason: 'heartbeat-malformed', unsaid: 0 },
    { ...refused, node: 'idc-2', reason: 'too-short', unsaid: 0 },
    { ...refused, node: 'idc-1', reason: 'too-short', unsaid: 999 },
  ]);
  expect(intake.self.refusals.get('too-short')).toBe(1002);
});
