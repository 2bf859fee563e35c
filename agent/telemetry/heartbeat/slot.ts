// The latest vitals, one slot in shared memory: the collecting thread overwrites it, the main thread reads it whenever a
// heartbeat is due. Nothing queues here, each reading is whole, and a thread that dies in a write leaves the one before.
import { LatestWords } from '../ring/latest-words.ts';

export interface Vitals {
  /** On the clock that all threads share; 0 while nothing was sampled yet. */
  readonly sampledAtMs: number;
  readonly uptimeSeconds: number;
  readonly load1: number;
  readonly cpuUsedRatio: number;
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  readonly diskFreeBytes: number;
}

const names = [
  'sampledAtMs',
  'uptimeSeconds',
  'load1',
  'cpuUsedRatio',
  'memoryTotalBytes',
  'memoryAvailableBytes',
  'diskFreeBytes',
] as const satisfies readonly (keyof Vitals)[];

/** The f64 as two words each, so that every access can be atomic. */
const rowWords = names.length * 2;
const layout = { version: 0, copies: [2, 2 + rowWords], length: rowWords } as const;
const slotBytes = (2 + 2 * rowWords) * 4;

export class VitalsSlot {
  readonly memory: SharedArrayBuffer;
  readonly #latest: LatestWords;
  readonly #scratch = new Float64Array(names.length);
  readonly #scratchWords = new Int32Array(this.#scratch.buffer);

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(slotBytes)) {
    this.memory = memory;
    this.#latest = new LatestWords(new Int32Array(memory), layout);
  }

  /** One writer only. */
  write(vitals: Vitals): void {
    for (const [index, name] of names.entries()) this.#scratch[index] = vitals[name];
    this.#latest.write(this.#scratchWords);
  }

  read(): Vitals {
    this.#latest.read(this.#scratchWords);
    const at = (name: (typeof names)[number]) => this.#scratch[names.indexOf(name)] ?? 0;
    return {
      sampledAtMs: at('sampledAtMs'),
      uptimeSeconds: at('uptimeSeconds'),
      load1: at('load1'),
      cpuUsedRatio: at('cpuUsedRatio'),
      memoryTotalBytes: at('memoryTotalBytes'),
      memoryAvailableBytes: at('memoryAvailableBytes'),
      diskFreeBytes: at('diskFreeBytes'),
    };
  }
}
