// The contenders of the ring's benchmark, by name, and what a producing thread is told.

export const ringContenders = ['regnode', 'ringbuf.js', 'postMessage'] as const;
export type RingContender = (typeof ringContenders)[number];

export interface ProducerInput {
  readonly contender: RingContender;
  readonly memory: SharedArrayBuffer | undefined;
  readonly records: number;
  /** f64 of one record, its header not counted: 6 make 64 bytes, 30 make 256. */
  readonly columns: number;
  /** Says first what the columns mean: the gateway wants to know. */
  readonly describes?: boolean;
}

/**
 * A record of ringbuf.js and postMessage holds as many bytes as one of ours: two
 * more f64 stand for the header.
 */
export const headerColumns = 2;

/** The last message; carries the CPU time that the producing thread has used. */
export interface ProducerDone {
  readonly kind: 'done';
  readonly cpuNanoseconds: number;
}
