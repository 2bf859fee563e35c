// How the kernel's clock is kept (adjtimex): whether it is synchronized, how far off it is thought to be, and
// how it is steered; names and units as node_exporter has them. Without the addon for that call the family is
// absent; where the call is forbidden it is a counted error.
import { type KernelCalls, kernelCalls } from '../../host/kernel-calls.ts';
import { type Collector, gauge, type RecordShape } from './collector.ts';

const notSynchronized = 5; // TIME_ERROR
const nanoseconds = 0x2000; // STA_NANO
/** Of parts per million in 16 binary digits after the point. */
const frequencyUnit = 1e6 * 65_536;

const shape: RecordShape = {
  family: 'timex',
  labelNames: [],
  columns: [
    gauge('node_timex_sync_status'),
    gauge('node_timex_status'),
    gauge('node_timex_offset_seconds'),
    gauge('node_timex_frequency_adjustment_ratio'),
    gauge('node_timex_maxerror_seconds'),
    gauge('node_timex_estimated_error_seconds'),
    gauge('node_timex_loop_time_constant'),
    gauge('node_timex_tick_seconds'),
    gauge('node_timex_tai_offset_seconds'),
  ],
};

/**
 * The addon is looked for once, in the first round: one that can't be loaded fails this
 * family each time, and no other.
 */
export function timexCollector(
  load: () => Pick<KernelCalls, 'clockDiscipline'> | undefined = kernelCalls,
): Collector {
  let calls: { readonly loaded: ReturnType<typeof load> } | undefined;
  return {
    name: 'timex',
    shapes: [shape],
    collect({ sink, fault }) {
      calls ??= { loaded: load() };
      if (calls.loaded === undefined) return;
      const said = calls.loaded.clockDiscipline();
      if (said === undefined || said.length < 9) return fault();
      const [state, status, offset, frequency, maximum, estimated, constant, tick, tai] = said.map(
        Number,
      ) as Said;
      const isNanoseconds = (status & nanoseconds) !== 0;
      sink.put(
        shape,
        [],
        [
          state === notSynchronized ? 0 : 1,
          status,
          offset / (isNanoseconds ? 1e9 : 1e6),
          1 + frequency / frequencyUnit,
          maximum / 1e6,
          estimated / 1e6,
          constant,
          tick / 1e6,
          tai,
        ],
      );
    },
  };
}

type Said = [number, number, number, number, number, number, number, number, number];
