// Thermal zones, where there are any (bare metal).
import { type Collector, gauge, type RecordShape } from './collector.ts';

const folder = '/sys/class/thermal';

const shape: RecordShape = {
  family: 'thermal',
  labelNames: ['zone', 'type'],
  columns: [gauge('node_thermal_zone_temp')],
};

export const thermal: Collector = {
  name: 'thermal',
  shapes: [shape],
  collect({ procfs, sink }) {
    for (const zone of procfs.list(folder).filter((name) => name.startsWith('thermal_zone'))) {
      const type = procfs.text(`${folder}/${zone}/type`)?.trim() ?? '';
      const celsius = procfs.number(`${folder}/${zone}/temp`) / 1000;
      sink.put(shape, [zone.slice('thermal_zone'.length), type], [celsius]);
    }
  },
};
