// The log of an outage: few lines, whatever fails in it and however often, and none
// of it left out of the sums.
import { expect, test } from 'vitest';
import { OutageLog, outagePauses } from '../../../../agent/tunnel/outage.ts';

interface Line {
  readonly text: string;
  readonly failures?: number;
  readonly sinceLastLine?: number;
  readonly seconds?: number;
  readonly kinds?: Record<string, number>;
}

function log() {
  const lines: Line[] = [];
  const write = (values: object, text: string) => void lines.push({ ...values, text });
  const outage = new OutageLog({ warn: write as never, info: write as never });
  return { lines, outage };
}
const unreachable = { code: 'GATEWAY_UNREACHABLE', detail: 'EHOSTUNREACH' };
const timedOut = { code: 'GATEWAY_UNREACHABLE', detail: 'ETIMEDOUT' };

test('a day of failures of two kinds, 0.8 a second, is told in some 150 lines, and every one is counted', () => {
  const { lines, outage } = log();
  const failures = 0.8 * 86_400;
  for (let count = 0; count < failures; count++)
    outage.failed(count % 2 ? unreachable : timedOut, count * 1250);
  outage.opened(86_400_000);
  expect(lines[0]).toMatchObject({ text: 'the tunnel is down', detail: 'ETIMEDOUT' });
  expect(lines.length).toBeLessThan(160);
  expect(lines.at(-1)).toMatchObject({ text: 'the tunnel is open again', failures, seconds: 86_400 });
  const summed = lines.reduce((sum, { sinceLastLine = 1 }) => sum + sinceLastLine, 0);
  expect(summed).toBe(failures);
  expect(Object.keys(lines[3]?.kinds ?? {})).toHaveLength(2);
});

test('the pauses double', () => {
  const { lines, outage } = log();
  const atMs: number[] = [];
  for (let nowMs = 0; nowMs < 3 * outagePauses.longestMs; nowMs += 500) {
    const before = lines.length;
    outage.failed(unreachable, nowMs);
    if (lines.length > before) atMs.push(nowMs);
  }
  const pauses = atMs.slice(1).map((at, index) => at - (atMs[index] ?? 0));
  expect(pauses.slice(0, 8)).toEqual([5000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 600_000]);
});

test('one failure and open again are one line; the next outage begins anew', () => {
  const { lines, outage } = log();
  outage.failed({ detail: 'the connection broke' }, 0);
  outage.opened(1000);
  expect(lines.map(({ text }) => text)).toEqual(['the tunnel is down']);
  outage.failed({ detail: 'the connection broke' }, 1000 + outagePauses.healthyMs);
  expect(lines.map(({ text }) => text)).toEqual(['the tunnel is down', 'the tunnel is down']);
});

test('a connection that opens and breaks once a second is one outage', () => {
  const { lines, outage } = log();
  for (let second = 0; second < 600; second++) {
    outage.failed({ detail: `closed ${second % 3}` }, second * 1000);
    outage.opened(second * 1000 + 900);
  }
  expect(lines.length).toBeLessThan(20);
});

test('failures that never repeat are remembered in a bounded number', () => {
  const { lines, outage } = log();
  for (let count = 0; count < 1000; count++) outage.failed({ detail: `failure ${count}` }, count * 10);
  for (const { kinds } of lines) expect(Object.keys(kinds ?? {}).length).toBeLessThanOrEqual(8);
  expect(lines.at(-1)?.failures).toBeGreaterThan(500);
});
