// What the gateway answers to a batch: up to which sequence it has everything of an epoch, and what the
// agent should do next. Cumulative: the newest one says all. 24 bytes, little-endian: u64 epoch, u64 next
// sequence, u32 verdict, u32 wait ms.

const acknowledgementBytes = 24;

const verdicts = [
  /** All before `nextSequence` is taken (or counted as refused for good): it need not be kept. */
  'accepted',
  /** Records before the batch are missing: send again from `nextSequence`. */
  'gap',
  /** A schema is not known: send all descriptions, then from `nextSequence`. */
  'describe',
  /** Over the node's budget: nothing was taken; try again after `waitMs`. */
  'wait',
] as const;

export type Verdict = (typeof verdicts)[number];

export interface Acknowledgement {
  readonly epoch: number;
  readonly nextSequence: number;
  readonly verdict: Verdict;
  readonly waitMs: number;
}

export function encodeAcknowledgement(acknowledgement: Acknowledgement): Uint8Array {
  const bytes = new Uint8Array(acknowledgementBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(acknowledgement.epoch), true);
  view.setBigUint64(8, BigInt(acknowledgement.nextSequence), true);
  view.setUint32(16, verdicts.indexOf(acknowledgement.verdict), true);
  view.setUint32(20, acknowledgement.waitMs, true);
  return bytes;
}

/** undefined when the bytes are no acknowledgement. */
export function decodeAcknowledgement(bytes: Uint8Array): Acknowledgement | undefined {
  if (bytes.byteLength !== acknowledgementBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const epoch = Number(view.getBigUint64(0, true));
  const nextSequence = Number(view.getBigUint64(8, true));
  const verdict = verdicts[view.getUint32(16, true)];
  if (verdict === undefined || !Number.isSafeInteger(epoch) || !Number.isSafeInteger(nextSequence))
    return undefined;
  return { epoch, nextSequence, verdict, waitMs: view.getUint32(20, true) };
}
