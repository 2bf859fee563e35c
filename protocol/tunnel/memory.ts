// Memory of large pieces of bytes, given back by hand instead of by the garbage collector. Every 64 KiB that
// a socket delivers are an allocation outside of V8's heap, and these alone make it mark the whole heap many
// times a second. Two kinds: a buffer that a socket delivered and that we alone know is detached (`discard`),
// a block of the pool is lent to whoever still reads it and used again when nobody does (`lend`, `giveBack`).
// To forget to give back costs nothing but speed; to give back too early would be a lie on the wire, so tests
// make it visible (`memoryRules.poison`).

/** One frame of the largest kind with its websocket header. */
export const blockBytes = 66 * 1024;
const worthwhileBytes = 16 * 1024;
const pooledBlocks = 128;
const poisonByte = 0xdd;

/** Set by tests only: freed memory is overwritten instead of being reused, whatever its size. */
export const memoryRules = { poison: false };

export interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
  users: number;
}

const free: Block[] = [];
const blocks = new WeakMap<ArrayBufferLike, Block>();

/** A block with one user: the caller. */
export function takeBlock(): Block {
  const block = free.pop() ?? newBlock();
  block.users = 1;
  return block;
}

/** The block that these bytes lie in, with one user more; none when they are ordinary memory. */
export function lend(bytes: Uint8Array): Block | undefined {
  const block = blocks.get(bytes.buffer);
  if (block) block.users += 1;
  return block;
}

export function isLent(bytes: Uint8Array): boolean {
  return blocks.has(bytes.buffer);
}

/** This user reads it no more. */
export function giveBack(block: Block): void {
  block.users -= 1;
  if (block.users > 0) return;
  if (memoryRules.poison) block.bytes.fill(poisonByte);
  if (free.length < pooledBlocks) free.push(block);
}

/**
 * Frees the memory of bytes that fill a buffer of their own. Nobody may look at them again, and no
 * write of them may be under way. Does nothing for a part of a larger buffer, for shared memory, and
 * for what is too small to matter.
 */
export function discard(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (memoryRules.poison) {
    bytes.fill(poisonByte);
    return;
  }
  if (isWorthwhile(bytes) && buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Whether `discard` would do anything. */
export function isWorthwhile(bytes: Uint8Array): boolean {
  if (memoryRules.poison) return true;
  return bytes.byteLength >= worthwhileBytes && bytes.byteLength === bytes.buffer.byteLength;
}

/**
 * A buffer that is sent in one or more frames: freed when the peer has them all and
 * no write of any is under way.
 */
export class OwnedBuffer {
  readonly #bytes: Uint8Array;
  #writes = 0;
  #acknowledged = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  writing(): void {
    this.#writes += 1;
  }

  /** The system has taken what it was handed, or its connection is gone. */
  written(): void {
    this.#writes -= 1;
    this.#free();
  }

  /** Every frame of it. */
  acknowledge(): void {
    this.#acknowledged = true;
    this.#free();
  }

  #free(): void {
    if (this.#acknowledged && this.#writes <= 0) discard(this.#bytes);
  }
}

function newBlock(): Block {
  const block = { bytes: new Uint8Array(Buffer.allocUnsafeSlow(blockBytes).buffer), users: 0 };
  blocks.set(block.bytes.buffer, block);
  return block;
}
