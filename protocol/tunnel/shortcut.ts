// Short messages of a websocket's client, told to the gateway where they lie: what the websocket library does
// for one costs more than all else that a heartbeat does. Only a binary message in one short masked frame
// that lies whole in the chunk is told here, and only while the library stands at the beginning of a message
// and can have found no fault; all else is the library's. After the first frame that it might refuse,
// everything is, so that it alone decides how a peer ends.
import { messageFragmentsLimit, messageLimitBytes } from './limits.ts';

/** Who is told of short messages. */
export interface ShortMessages {
  /** False: the library has it, whatever it is. */
  readonly isOpen: boolean;
  /** One whole message, from `start` to `end`; the bytes may be kept. */
  message(bytes: Uint8Array, start: number, end: number): void;
}

const wholeMessage = 0x82;
const maskBit = 0x80;
const lastBit = 0x80;
const reservedBits = 0x70;
const opcodeBits = 0x0f;
const lengthBits = 0x7f;
const opcode = { continuation: 0, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const maskBytes = 4;
/** Longer ones are unmasked faster by native code. */
const shortBytes = 512;
const controlLimitBytes = 125;

export class Shortcut {
  readonly #told: ShortMessages;
  #isClosed = false;
  /** Of the message that the library has in part: its fragments, none outside of one, and their bytes. */
  #fragments = 0;
  #bytes = 0;

  constructor(told: ShortMessages) {
    this.#told = told;
  }

  /**
   * Tells the messages that begin here; returns where the first is that the library must have. `copies`:
   * the chunk is not to be kept.
   */
  take(chunk: Uint8Array, offset: number, copies: boolean): number {
    let next = offset;
    while (chunk[next] === wholeMessage && !this.#isClosed && this.#fragments === 0 && this.#told.isOpen) {
      const second = chunk[next + 1] ?? 0;
      const short = second ^ maskBit;
      if (short > 126) break;
      const length = short < 126 ? short : ((chunk[next + 2] ?? 0) << 8) | (chunk[next + 3] ?? 0);
      const start = next + (short < 126 ? 2 : 4) + maskBytes;
      const end = start + length;
      if (length > shortBytes || end > chunk.length) break;
      unmask(chunk, start, end);
      // Not `slice`, which for a Buffer is no copy.
      if (copies) this.#told.message(Buffer.from(chunk.subarray(start, end)), 0, length);
      else this.#told.message(chunk, start, end);
      next = end;
    }
    return next;
  }

  /** A frame goes to the library: how the next message stands to it. */
  passes(first: number, second: number, payloadBytes: number): void {
    if (this.#isClosed || this.#isFine(first, second, payloadBytes)) return;
    this.#isClosed = true;
  }

  /** Whether the library takes such a frame for sure. */
  #isFine(first: number, second: number, payloadBytes: number): boolean {
    if ((first & reservedBits) !== 0 || (second & maskBit) === 0) return false;
    const isLast = (first & lastBit) !== 0;
    const kind = first & opcodeBits;
    // As written, not as meant: the library refuses a longer form even of a short length.
    if (kind === opcode.ping || kind === opcode.pong)
      return isLast && (second & lengthBits) <= controlLimitBytes;
    if (kind !== (this.#fragments === 0 ? opcode.binary : opcode.continuation)) return false;
    this.#fragments += 1;
    this.#bytes += payloadBytes;
    if (this.#fragments > messageFragmentsLimit || this.#bytes > messageLimitBytes) return false;
    if (isLast) {
      this.#fragments = 0;
      this.#bytes = 0;
    }
    return true;
  }
}

/** In place; the mask lies before it. */
function unmask(bytes: Uint8Array, start: number, end: number): void {
  const a = bytes[start - 4] ?? 0;
  const b = bytes[start - 3] ?? 0;
  const c = bytes[start - 2] ?? 0;
  const d = bytes[start - 1] ?? 0;
  // Our agents' masks are: inside mutual TLS nobody is misled by plain bytes.
  if ((a | b | c | d) === 0) return;
  let index = start;
  for (const whole = end - 3; index < whole; index += 4) {
    bytes[index] = (bytes[index] ?? 0) ^ a;
    bytes[index + 1] = (bytes[index + 1] ?? 0) ^ b;
    bytes[index + 2] = (bytes[index + 2] ?? 0) ^ c;
    bytes[index + 3] = (bytes[index + 3] ?? 0) ^ d;
  }
  if (index < end) bytes[index] = (bytes[index] ?? 0) ^ a;
  if (index + 1 < end) bytes[index + 1] = (bytes[index + 1] ?? 0) ^ b;
  if (index + 2 < end) bytes[index + 2] = (bytes[index + 2] ?? 0) ^ c;
}
