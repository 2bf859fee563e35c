// What the main thread hands to the collecting thread, and where that thread's code lies: beside this file
// when it runs unbuilt, and as a bundle of its own beside the agent's bundle on a host.
import type { LineValues } from './collectors/line.ts';

export interface WorkerInput {
  readonly ring: SharedArrayBuffer;
  readonly vitals: SharedArrayBuffer;
  /** Stands for `/`. */
  readonly root: string;
  /** Monotonic time, on the clock that all threads share, at which the ring's Δms are 0. */
  readonly startMs: number;
  readonly heartbeatIntervalMs: number;
  readonly metricsIntervalMs: number;
  /**
   * Schema numbers go on behind this one: a thread that took over from a dead one
   * must not give its numbers anew.
   */
  readonly lastSchema: number;
}

export type WorkerMessage =
  | { readonly kind: 'intervals'; readonly heartbeatIntervalMs: number; readonly metricsIntervalMs: number }
  | { readonly kind: 'line'; readonly values: LineValues }
  | { readonly kind: 'stop' };

/**
 * The build knows this form of URL: it makes the file an entry of its own and puts
 * the bundled file's name here.
 */
export function workerUrl(): URL {
  return new URL('./worker.ts', import.meta.url);
}
