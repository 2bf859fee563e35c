// The host's clock: what it says, how long the host is up, and whether somebody set it. A clock that
// is set moves against the monotonic one; steps of more than a tenth of a second are added up,
// forwards and backwards apart.
import { type Collector, counter, fields, gauge, type RecordShape } from './collector.ts';

const stepSeconds = 0.1;

const shape: RecordShape = {
  family: 'time',
  labelNames: [],
  columns: [
    gauge('node_time_seconds'),
    gauge('node_uptime_seconds'),
    counter('node_time_steps_forward_seconds_total'),
    counter('node_time_steps_backward_seconds_total'),
  ],
};

/** A collector of its own per worker: it remembers how the clocks stood. */
export function timeCollector(): Collector {
  let lastOffsetMs: number | undefined;
  let forward = 0;
  let backward = 0;
  return {
    name: 'time',
    shapes: [shape],
    collect({ procfs, sink, nowMs, monotonicMs }) {
      const offsetMs = nowMs - monotonicMs;
      const moved = (offsetMs - (lastOffsetMs ?? offsetMs)) / 1000;
      lastOffsetMs = offsetMs;
      if (moved > stepSeconds) forward += moved;
      if (moved < -stepSeconds) backward -= moved;
      const uptime = Number(fields(procfs.text('/proc/uptime') ?? '')[0] || 'absent');
      sink.put(shape, [], [nowMs / 1000, uptime, forward, backward]);
    },
  };
}
