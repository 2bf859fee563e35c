// CPU time by mode, one group per CPU, and what the kernel counts beside it in /proc/stat.
import {
  type Collector,
  counter,
  fields,
  gauge,
  lines,
  type Observation,
  type RecordShape,
} from './collector.ts';

/** USER_HZ: the unit of /proc on every Linux that this agent runs on. */
const ticksPerSecond = 100;
const modes = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;

const cpuShape: RecordShape = {
  family: 'cpu',
  labelNames: ['cpu'],
  columns: modes.map((mode) => counter('node_cpu_seconds_total', { mode })),
};

const countNames = ['intr', 'ctxt', 'btime', 'processes', 'procs_running', 'procs_blocked'] as const;
const countShape: RecordShape = {
  family: 'kernel',
  labelNames: [],
  columns: [
    counter('node_intr_total'),
    counter('node_context_switches_total'),
    gauge('node_boot_time_seconds'),
    counter('node_forks_total'),
    gauge('node_procs_running'),
    gauge('node_procs_blocked'),
  ],
};

export const cpu: Collector = {
  name: 'cpu',
  shapes: [cpuShape, countShape],
  collect(observation) {
    const counts = new Map<string, number>();
    for (const line of lines(observation.procfs.text('/proc/stat'))) {
      const [name = '', first = ''] = line.split(' ', 2);
      if (/^cpu\d+$/.test(name)) collectCpu(observation, name.slice(3), fields(line).slice(1));
      else counts.set(name, Number(first));
    }
    observation.sink.put(
      countShape,
      [],
      countNames.map((name) => counts.get(name) ?? Number.NaN),
    );
  },
};

function collectCpu({ sink, fault }: Observation, name: string, ticks: readonly string[]): void {
  const seconds = modes.map((_, index) => Number(ticks[index] ?? 'absent') / ticksPerSecond);
  if (Number.isNaN(seconds[0])) fault();
  else sink.put(cpuShape, [name], seconds);
}
