// The latest vitals, one slot in shared memory: the collecting thread overwrites it, the main thread reads it whenever a
// heartbeat is due. Nothing queues here. A version word (odd: in change) makes each reading whole.

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
const versionWord = names.length * 2;
const slotBytes = (versionWord + 2) * 4;

export class VitalsSlot {
  readonly #words: Int32Array;
  readonly #scratch = new Float64Array(names.length);
  readonly #scratchWords = new Int32Array(this.#scratch.buffer);

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(slotBytes)) {
    this.#words = new Int32Array(memory);
  }

  get memory(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer;
  }

  /** One writer only. */
  write(vitals: Vitals): void {
    for (const [index, name] of names.entries()) this.#scratch[index] = vitals[name];
    Atomics.add(this.#words, versionWord, 1);
    for (const [index, half] of this.#scratchWords.entries()) Atomics.store(this.#words, index, half);
    Atomics.add(this.#words, versionWord, 1);
  }

  read(): Vitals {
    for (;;) {
      const version = Atomics.load(this.#words, versionWord);
      for (let index = 0; index < versionWord; index += 1) {
        this.#scratchWords[index] = Atomics.load(this.#words, index);
      }
      if ((version & 1) !== 0 || Atomics.load(this.#words, versionWord) !== version) continue;
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
}
