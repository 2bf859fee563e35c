// RFC 6455 masking. A client masks into a buffer of its own and never in place: what it sends may have to be sent
// again, or lie in a ring that a worker still writes to. Large buffers are pooled, because they would otherwise
// be most of what the garbage collector has to do.
import { randomFillSync } from 'node:crypto';
import bufferutil from 'bufferutil';

export const maskBytes = 4;
const randomPoolBytes = 8 * 1024;
const pooledBytes = 68 * 1024;
const pooledFromBytes = 4 * 1024;
const pooledLimit = 16;

const random = { pool: Buffer.alloc(0), used: 0 };
const pool: Buffer[] = [];

/** An unpredictable key: one that is known would let payloads look like requests to a proxy on a plain connection. */
export function newMask(): Buffer {
  if (random.used + maskBytes > random.pool.length) {
    random.pool = randomFillSync(Buffer.allocUnsafeSlow(randomPoolBytes));
    random.used = 0;
  }
  random.used += maskBytes;
  return random.pool.subarray(random.used - maskBytes, random.used);
}

/** Masks `source`, which begins at `position` of its frame's payload, into `target` at `offset`. */
export function maskInto(
  source: Uint8Array,
  key: Uint8Array,
  position: number,
  target: Buffer,
  offset: number,
): void {
  bufferutil.mask(asBuffer(source), rotated(key, position), target, offset, source.length);
}

export function unmaskInPlace(bytes: Uint8Array, key: Uint8Array, position: number): void {
  bufferutil.unmask(asBuffer(bytes), rotated(key, position));
}

/** A buffer of at least so many bytes; give large ones back when the system has taken them. */
export function takeBuffer(bytes: number): Buffer {
  if (bytes < pooledFromBytes || bytes > pooledBytes) return Buffer.allocUnsafe(bytes);
  return pool.pop() ?? Buffer.allocUnsafeSlow(pooledBytes);
}

export function giveBack(buffer: Buffer): void {
  if (buffer.length === pooledBytes && pool.length < pooledLimit) pool.push(buffer);
}

function rotated(key: Uint8Array, position: number): Buffer {
  const shift = position & 3;
  if (shift === 0) return asBuffer(key);
  return Buffer.from([
    key[shift],
    key[(shift + 1) & 3],
    key[(shift + 2) & 3],
    key[(shift + 3) & 3],
  ] as number[]);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
