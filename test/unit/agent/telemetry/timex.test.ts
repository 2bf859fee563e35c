// What adjtimex says, in Prometheus's units; absent without the addon, a counted error where it is forbidden.
import { expect, test, vi } from 'vitest';
import { Procfs } from '../../../../agent/host/procfs.ts';
import type { RecordShape, Sink } from '../../../../agent/telemetry/collectors/collector.ts';
import { timexCollector } from '../../../../agent/telemetry/collectors/timex.ts';

function collect(load: Parameters<typeof timexCollector>[0]) {
  const samples: Record<string, number> = {};
  const sink: Sink = {
    columns: new Float64Array(0),
    open: () => -1,
    put(shape: RecordShape, _labels, values) {
      for (const [index, { name }] of shape.columns.entries()) samples[name] = values[index] ?? Number.NaN;
    },
  };
  const fault = vi.fn();
  timexCollector(load).collect({ procfs: new Procfs('/nowhere'), sink, fault, nowMs: 0, monotonicMs: 0 });
  return { samples, faults: fault.mock.calls.length };
}

test('a clock that chrony keeps (nanoseconds)', () => {
  const said = [0, 0x2001, -1_500_000, 6_553_600, 16_000_000, 250, 7, 10_000, 37];
  expect(collect(() => ({ clockDiscipline: () => said }))).toEqual({
    samples: {
      node_timex_sync_status: 1,
      node_timex_status: 0x2001,
      node_timex_offset_seconds: -0.0015,
      node_timex_frequency_adjustment_ratio: 1.0001,
      node_timex_maxerror_seconds: 16,
      node_timex_estimated_error_seconds: 0.00025,
      node_timex_loop_time_constant: 7,
      node_timex_tick_seconds: 0.01,
      node_timex_tai_offset_seconds: 37,
    },
    faults: 0,
  });
});

test('a clock that nobody keeps (microseconds)', () => {
  const { samples } = collect(() => ({
    clockDiscipline: () => [5, 0x40, 1500, 0, 16_000_000, 16_000_000, 2, 10_000, 0],
  }));
  expect(samples).toMatchObject({ node_timex_sync_status: 0, node_timex_offset_seconds: 0.0015 });
});

test('without the addon the family is absent, and that is no error', () => {
  expect(collect(() => undefined)).toEqual({ samples: {}, faults: 0 });
});

test.each([[undefined], [[]], [[1, 2, 3]]])('%j is a counted error', (said) => {
  expect(collect(() => ({ clockDiscipline: () => said }))).toEqual({ samples: {}, faults: 1 });
});

test('an addon that can not be loaded fails the family', () => {
  expect(() =>
    collect(() => {
      throw new Error('ERR_DLOPEN_FAILED');
    }),
  ).toThrow('ERR_DLOPEN_FAILED');
});
