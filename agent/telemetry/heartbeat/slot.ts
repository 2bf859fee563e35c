// The latest vitals, one slot in shared memory: the collecting thread overwrites it, the main thread reads
// it whenever a heartbeat is due. Nothing queues here, each reading is whole, and a thread that dies in a
// write leaves the one before.
import { type Vitals, vitalNames } from '../../../protocol/telemetry/vitals.ts';
import { LatestWords } from '../ring/latest-words.ts';

export interface SampledVitals extends Vitals {
  /** On the clock that all threads share; 0 while nothing was sampled yet. */
  readonly sampledAtMs: number;
}

const names: readonly (keyof SampledVitals)[] = ['sampledAtMs', ...vitalNames];

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
  write(vitals: SampledVitals): void {
    for (const [index, name] of names.entries()) this.#scratch[index] = vitals[name];
    this.#latest.write(this.#scratchWords);
  }

  read(): SampledVitals {
    this.#latest.read(this.#scratchWords);
    const read = Object.fromEntries(names.map((name, index) => [name, this.#scratch[index] ?? 0]));
    return read as Record<keyof SampledVitals, number>;
  }
}
