// What is written of the streams of nodes: each, until there are more than a kubelet makes; then a
// sum, of which none is missing.
import { expect, test } from 'vitest';
import { type StreamSum, StreamSums } from '../../../../gateway/tunnel/stream-sums.ts';
import { auditOnce, type StreamAudit } from '../../../../protocol/tunnel/audit.ts';
import { FakeClock } from '../../../property/tunnel/simulation.ts';

const ended = (node: string): StreamAudit => ({
  ...{ stream: 2, node, target: 'api-server', address: '10.0.0.1:6443', reason: '' },
  ...{ openedAt: '2026-01-01T00:00:00.000Z', durationMs: 1, bytesToTarget: 10, bytesFromTarget: 100 },
  ...{ outcome: 'completed', detail: '' },
});

test('ten streams a second for five minutes: a record a second, a sum a minute, and nobody else is left out', () => {
  const sums: StreamSum[] = [];
  const paced = new StreamSums(100, (sum) => sums.push(sum));
  let [written, ofAnother] = [0, 0];
  const minutes = 5;
  for (let tenth = 0; tenth < minutes * 600; tenth += 1) {
    if (!paced.takes(ended('idc-1'), tenth * 100)) written += 1;
    if (tenth % 100 === 0 && !paced.takes(ended('idc-2'), tenth * 100)) ofAnother += 1;
  }
  expect(written).toBeLessThanOrEqual(120 + minutes * 60);
  expect(ofAnother).toBe(minutes * 6);
  expect(paced.takes(ended('idc-2'), (minutes + 2) * 60_000)).toBe(false);
  expect(new Set(sums.map(({ node }) => node))).toEqual(new Set(['idc-1']));
  expect(sums.length).toBeLessThanOrEqual(minutes + 1);
  const summed = sums.reduce((sum, { streams }) => sum + streams, 0);
  expect(written + summed).toBe(minutes * 600);
  expect(sums.reduce((sum, { bytesFromTarget }) => sum + bytesFromTarget, 0)).toBe(100 * summed);
});

test('a kubelet that connects anew with all that it has is written stream by stream', () => {
  const paced = new StreamSums(100, () => expect.unreachable());
  for (let count = 0; count < 100; count += 1) expect(paced.takes(ended('idc-1'), 0)).toBe(false);
});

test('of what an opener says, two hundred characters are written', () => {
  const records: StreamAudit[] = [];
  const target = { target: 't'.repeat(512), reason: 'r'.repeat(1024) };
  const over = auditOnce({ node: 'idc-1', address: '', target }, 'acceptor', {
    audit: (record) => records.push(record),
    clock: new FakeClock(),
  });
  over({ outcome: 'completed', detail: '' }, undefined);
  expect(records).toMatchObject([{ target: 't'.repeat(200), reason: 'r'.repeat(200) }]);
});
