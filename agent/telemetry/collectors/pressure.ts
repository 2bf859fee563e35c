// Pressure stall information, where the kernel has it (TencentOS has it off unless the boot line says psi=1).
import { type Collector, counter, type RecordShape } from './collector.ts';

const shape: RecordShape = {
  family: 'pressure',
  labelNames: [],
  columns: [
    counter('node_pressure_cpu_waiting_seconds_total'),
    counter('node_pressure_memory_waiting_seconds_total'),
    counter('node_pressure_memory_stalled_seconds_total'),
    counter('node_pressure_io_waiting_seconds_total'),
    counter('node_pressure_io_stalled_seconds_total'),
  ],
};

export const pressure: Collector = {
  name: 'pressure',
  shapes: [shape],
  collect({ procfs, sink }) {
    const [cpu, memory, io] = ['cpu', 'memory', 'io'].map((name) => procfs.text(`/proc/pressure/${name}`));
    if (cpu === undefined) return;
    sink.put(
      shape,
      [],
      [
        totalSeconds(cpu, 'some'),
        totalSeconds(memory, 'some'),
        totalSeconds(memory, 'full'),
        totalSeconds(io, 'some'),
        totalSeconds(io, 'full'),
      ],
    );
  },
};

function totalSeconds(text: string | undefined, kind: string): number {
  const total = new RegExp(`^${kind} .*total=(\\d+)$`, 'm').exec(text ?? '')?.[1];
  return total === undefined ? Number.NaN : Number(total) / 1e6;
}
