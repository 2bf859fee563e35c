// However fast a gateway opens streams: the host's log stays readable, and says how much it left out.
import { expect, test } from 'vitest';
import { streamLog } from '../../../../agent/daemon/stream-log.ts';
import type { StreamAudit } from '../../../../protocol/tunnel/audit.ts';

const record: StreamAudit = {
  stream: 1,
  node: 'idc-1',
  target: 'kubelet',
  address: '127.0.0.1:10250',
  reason: 'logs',
  openedAt: '2026-01-31T10:00:00.000Z',
  durationMs: 1,
  bytesToTarget: 1,
  bytesFromTarget: 1,
  outcome: 'completed',
  detail: '',
};
const refused: StreamAudit = { ...record, outcome: 'refused', code: 'TUNNEL_TARGET_REFUSED' };

function start() {
  const lines: { stream: StreamAudit; unsaid?: number }[] = [];
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs };
  const logger = { info: (line: unknown) => void lines.push(line as (typeof lines)[number]) };
  return { lines, clock, log: streamLog(logger as never, clock) };
}

test('a thousand streams a second are a few hundred lines, then ten a second, and a count', () => {
  const { lines, clock, log } = start();
  for (let sent = 0; sent < 60_000; sent++) {
    clock.nowMs = sent;
    log(record);
  }
  expect(lines.length).toBeLessThan(1300);
  const said = lines.reduce((sum, { unsaid = 0 }) => sum + 1 + unsaid, 0);
  expect(said).toBeGreaterThan(59_000);
});

test('what is refused alike is told once a minute; what goes through meanwhile is told', () => {
  const { lines, clock, log } = start();
  for (let sent = 0; sent < 10_000; sent++) log(refused);
  log(record);
  clock.nowMs = 60_000;
  log(refused);
  expect(lines.map(({ stream, unsaid = 0 }) => [stream.outcome, unsaid])).toEqual([
    ['refused', 0],
    ['completed', 9999],
    ['refused', 0],
  ]);
});
