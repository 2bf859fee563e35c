// A measurement against the pool's limits: what is raised, what clears, what nobody
// could see, and how it is told.
import { describe, expect, test } from 'vitest';
import { judge, type LineCode, lineCodes } from '../../../../agent/line/judge.ts';
import { findingsOf, renderLine, renderMeasurement } from '../../../../agent/line/report.ts';
import type { LineMeasurement } from '../../../../agent/state/line-measurement.ts';
import { defaultThresholds } from '../../../../protocol/line/thresholds.ts';

const good: LineMeasurement = {
  schema: 1,
  at: '2026-01-01T11:20:01.000Z',
  durationMs: 2100,
  gatewayUrl: 'https://gw',
  route: { device: 'eth0', source: '10.77.0.11', mtuBytes: 1500 },
  hops: [
    { hop: 'route', detail: '10.77.0.1 dev eth0' },
    { hop: 'tls', milliseconds: 4, detail: 'trusted' },
  ],
  roundTrip: {
    over: 'udp',
    sent: 50,
    received: 50,
    minMs: 9,
    p50Ms: 10,
    p90Ms: 12,
    p99Ms: 15,
    maxMs: 15,
    jitterMs: 1,
  },
  lossPercent: 0,
  pathMtu: { bytes: 1500, method: 'udp', deviceBytes: 1500, podMtuBytes: 1450, vxlanFits: true },
  udp: { port: 8472, outward: 'open', inward: 'open', sent: 50 },
  clock: { offsetMs: 3, uncertaintyMs: 5, samples: 50 },
  throughput: { downMbps: 900, upMbps: 800, bytes: 1 },
  notMeasured: [],
  thresholds: defaultThresholds,
};
const trip = (more: Partial<NonNullable<LineMeasurement['roundTrip']>>) => ({
  roundTrip: {
    over: 'udp' as const,
    sent: 50,
    received: 50,
    minMs: 9,
    p50Ms: 10,
    p90Ms: 12,
    p99Ms: 15,
    maxMs: 15,
    jitterMs: 1,
    ...more,
  },
});
const bad = (measurement: LineMeasurement, visible: readonly LineCode[] = []) =>
  judge(measurement, { isVisible: (code) => visible.includes(code) })
    .filter(({ state }) => state === 'bad')
    .map(({ code }) => code);

test('a good line has no finding', () => {
  expect(bad(good)).toEqual([]);
  expect(judge(good, {}).every(({ state }) => state === 'good')).toBe(true);
});

const cases: readonly (readonly [LineCode, Partial<LineMeasurement>])[] = [
  ['LINE_UNREACHABLE', { hops: [{ hop: 'tcp', detail: 'gw:443', fault: 'ECONNREFUSED' }] }],
  ['LINE_UNREACHABLE', { refused: 'PRIVATE_LINE: wg0' }],
  ['LINE_SLOW', trip({ p50Ms: 201 })],
  ['LINE_JITTERY', trip({ jitterMs: 51 })],
  ['LINE_LOSSY', { ...trip({ received: 48 }), lossPercent: 4 }],
  [
    'LINE_VXLAN_TOO_LARGE',
    { pathMtu: { bytes: 1499, method: 'udp', deviceBytes: 1500, podMtuBytes: 1450, vxlanFits: false } },
  ],
  ['LINE_UDP_BLOCKED', { udp: { port: 8472, outward: 'blocked', inward: 'unknown', sent: 10 } }],
  ['LINE_UDP_INBOUND_BLOCKED', { udp: { port: 8472, outward: 'open', inward: 'blocked', sent: 50 } }],
  ['LINE_THROUGHPUT_LOW', { throughput: { downMbps: 900, upMbps: 99, bytes: 1 } }],
  ['CLOCK_SKEWED', { clock: { offsetMs: -1006, uncertaintyMs: 5, samples: 9 } }],
];

test.each(cases)('%s is found alone, and told in both languages', (code, change) => {
  const measurement = { ...good, ...change };
  expect(bad(measurement)).toEqual([code]);
  for (const language of ['en', 'zh'] as const) {
    const [finding] = findingsOf(measurement, language);
    expect(`${finding?.message}${finding?.remedy}`).not.toMatch(/[{}]|undefined/);
    expect(renderMeasurement(measurement, language, { color: false })).toContain(code);
    expect(renderLine(measurement, language)).toContain(code);
  }
});

test('every code has a case here', () => {
  expect([...new Set(cases.map(([code]) => code))].toSorted()).toEqual(lineCodes.toSorted());
});

describe('what is visible', () => {
  test('clears only below the limit that raised it', () => {
    expect(bad({ ...good, ...trip({ p50Ms: 190 }) })).toEqual([]);
    expect(bad({ ...good, ...trip({ p50Ms: 190 }) }, ['LINE_SLOW'])).toEqual(['LINE_SLOW']);
    expect(bad({ ...good, ...trip({ p50Ms: 150 }) }, ['LINE_SLOW'])).toEqual([]);
    const throughput = { downMbps: 110, upMbps: 110, bytes: 1 };
    expect(bad({ ...good, throughput })).toEqual([]);
    expect(bad({ ...good, throughput }, ['LINE_THROUGHPUT_LOW'])).toEqual(['LINE_THROUGHPUT_LOW']);
  });
});

describe('what is no finding', () => {
  test('one lost packet is no rate', () => {
    expect(bad({ ...good, ...trip({ received: 49 }), lossPercent: 2 })).toEqual([]);
  });

  test('a clock that may be right within what can be known', () => {
    expect(bad({ ...good, clock: { offsetMs: 1500, uncertaintyMs: 600, samples: 9 } })).toEqual([]);
  });

  test('what was not measured is neither good nor bad', () => {
    const { route, hops, at, durationMs, gatewayUrl, schema, thresholds } = good;
    const bare: LineMeasurement = {
      schema,
      at,
      durationMs,
      gatewayUrl,
      hops,
      thresholds,
      notMeasured: [],
      ...(route && { route }),
    };
    expect(judge(bare, {}).map(({ state }) => state)).toEqual([
      'good',
      ...lineCodes.slice(1).map(() => 'unknown'),
    ]);
  });
});

test('a cluster with a network of its own may not need an overlay: there it is a warning', () => {
  const measurement: LineMeasurement = {
    ...good,
    udp: { port: 8472, outward: 'open', inward: 'blocked', sent: 50 },
  };
  expect(findingsOf(measurement, 'en', 'cilium')[0]?.severity).toBe('critical');
  expect(findingsOf(measurement, 'en', 'external')[0]?.severity).toBe('warning');
});

test('the report shows every number with its limit', () => {
  const text = renderMeasurement(good, 'en', { color: false });
  expect(text).toContain('p50 10  p90 12  p99 15  max 15 ms  (≤ 200)  udp 50/50');
  expect(text).toContain('1500  (udp)  VXLAN fits  (1450 + 50)');
  expect(text).toContain('↓ 900  ↑ 800 Mbit/s  (≥ 100)');
  expect(text.split('\n').at(-1)).toBe('The line is as its pool wants it.');
  expect(renderLine(good, 'en')).toBe(
    '11:20:01Z  [ok]    rtt 10/12/15 ms  jitter 1  loss 0 %  mtu 1500  udp → open ← open  clock +3 ms ± 5',
  );
});
