// Decides which batches of a connection are packed: live ones, as long as there are few. Packing a byte costs
// some 30 ns and saves a byte on the wire; a ring that is emptied at rate, and the replay of a backlog, go
// out as they lie, without a copy. The other end unpacks no more than that: thirteen bytes may be a batch of
// 54 KiB, and a line full of them a whole processor.
import { TokenBucket } from '../rate/token-bucket.ts';
import { batchFlag, batchHeaderBytes } from '../telemetry/batch.ts';
import { BatchPacker } from '../telemetry/packing.ts';
import { BatchUnpacker, UnpackingError } from '../telemetry/unpacking.ts';
import { invalid } from './violation.ts';

/** What is packed within a second; a round of a node with many pods is less. */
export const packedBytesPerSecond = 128 * 1024;
/**
 * Unpacked at one end of a connection: at once, as much as a line may hold back before it is dead, and
 * twice the pace of a packer.
 */
export const unpackedLimits = { burst: 4 * 1024 * 1024, perSecond: 2 * packedBytesPerSecond };
const unpackedFlags = batchFlag.replay | batchFlag.description;

export class PacedPacker {
  readonly #packer = new BatchPacker();
  #second = Number.NEGATIVE_INFINITY;
  #bytes = 0;

  /** Undefined: send the pieces. */
  pack(pieces: readonly Uint8Array[], bytes: number, nowMs: number): Uint8Array | undefined {
    const [header, records] = pieces;
    if (header === undefined || records === undefined || pieces.length > 2) return undefined;
    if (header.length !== batchHeaderBytes || ((header[32] ?? 0) & unpackedFlags) !== 0) return undefined;
    if (nowMs - this.#second >= 1000) {
      this.#second = nowMs;
      this.#bytes = 0;
    }
    if (this.#bytes + bytes > packedBytesPerSecond) return undefined;
    const packed = this.#packer.pack(header, records);
    if (packed) this.#bytes += bytes;
    return packed;
  }
}

export class PacedUnpacker {
  readonly #unpacker = new BatchUnpacker();
  readonly #bytes: TokenBucket;

  constructor(nowMs: number) {
    this.#bytes = new TokenBucket(unpackedLimits, nowMs);
  }

  /** Throws an UnpackingError, also for more than any packer packs. */
  unpack(packed: Uint8Array, nowMs: number): Uint8Array {
    const batch = this.#unpacker.unpack(packed);
    if (this.#bytes.take(batch.length, nowMs)) return batch;
    throw new UnpackingError('more is packed than may be');
  }
}

/**
 * Both directions of a connection: packed is sent when the peer reads it, and read when we have offered it.
 */
export class Packing {
  readonly #isOffered: boolean;
  #packer: PacedPacker | undefined;
  /** Begins with the first packed batch. */
  #unpacker: PacedUnpacker | undefined;

  constructor(isOffered: boolean) {
    this.#isOffered = isOffered;
  }

  /** The peer has said that it reads packed batches. */
  start(): void {
    this.#packer = new PacedPacker();
  }

  /** Undefined: send the pieces. */
  pack(pieces: readonly Uint8Array[], bytes: number, nowMs: number): Uint8Array | undefined {
    return this.#packer?.pack(pieces, bytes, nowMs);
  }

  /** Throws a violation. */
  unpack(payload: Uint8Array, nowMs: number): Uint8Array {
    if (!this.#isOffered) throw invalid('frame-type', 'TELE_PACKED was not offered');
    this.#unpacker ??= new PacedUnpacker(nowMs);
    try {
      return this.#unpacker.unpack(payload, nowMs);
    } catch (error) {
      if (!(error instanceof UnpackingError)) throw error;
      throw invalid('packed-telemetry', `TELE_PACKED: ${error.message}`);
    }
  }
}
