// Samples the host's vitals for the heartbeat: four small files and one statfs. What cannot be read is 0 (the
// heartbeat has no way to say "unknown"; the metrics have).
import type { Procfs } from '../../host/procfs.ts';
import { fields, numbersByName } from '../collectors/collector.ts';
import type { SampledVitals } from './slot.ts';

/** Where images and pods live. */
const diskPath = '/var/lib';

/** Remembers the last CPU times: the used share is that of the time since the last sample. */
export class VitalsSampler {
  readonly #procfs: Procfs;
  #busy = 0;
  #total = 0;

  constructor(procfs: Procfs) {
    this.#procfs = procfs;
  }

  sample(monotonicMs: number): SampledVitals {
    const memory = numbersByName(this.#procfs.text('/proc/meminfo'));
    return {
      sampledAtMs: monotonicMs,
      uptimeSeconds: this.#first('/proc/uptime'),
      load1: this.#first('/proc/loadavg'),
      cpuUsedRatio: this.#cpuUsedRatio(),
      memoryTotalBytes: (memory.get('MemTotal') ?? 0) * 1024,
      memoryAvailableBytes: (memory.get('MemAvailable') ?? 0) * 1024,
      diskFreeBytes: this.#diskFreeBytes(),
    };
  }

  #first(path: string): number {
    return Number(fields(this.#procfs.text(path) ?? '')[0]) || 0;
  }

  #cpuUsedRatio(): number {
    const line = this.#procfs.text('/proc/stat')?.split('\n', 1)[0] ?? '';
    const ticks = fields(line).slice(1, 9).map(Number);
    const total = ticks.reduce((sum, value) => sum + value, 0);
    // Idle and waiting for a disk.
    const busy = total - (ticks[3] ?? 0) - (ticks[4] ?? 0);
    const ratio = total > this.#total ? (busy - this.#busy) / (total - this.#total) : 0;
    this.#busy = busy;
    this.#total = total;
    return Number.isFinite(ratio) ? Math.min(1, Math.max(0, ratio)) : 0;
  }

  #diskFreeBytes(): number {
    const space = this.#procfs.space(diskPath);
    return space === undefined ? 0 : space.availableBlocks * space.blockBytes;
  }
}
