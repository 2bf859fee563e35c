// How far the spool is done: the place up to which everything is replayed, the high-water marks that the
// gateway has acknowledged, and the losses that it has not been told of yet. Two slots of 4 KiB, written
// in turn, each with a checksum: a torn write leaves the other one. Losing both costs only work (the
// gateway drops what it has seen).
import { crc32 } from 'node:zlib';

export interface SpoolLoss {
  readonly epoch: number;
  readonly first: number;
  readonly count: number;
  readonly reason: number;
}

export interface SpoolCursor {
  readonly ordinal: number;
  readonly offset: number;
  readonly acknowledged: readonly (readonly [epoch: number, nextSequence: number])[];
  readonly losses: readonly SpoolLoss[];
}

export const cursorFileName = 'cursor';
export const slotBytes = 4096;
const magic = 0x52_4e_43_31;
const slotHeaderBytes = 16;
/** So many entries of each list always fit into a slot. */
export const cursorListLimit = 24;

/** u32 magic, u32 crc32 of the rest, u32 generation, u32 length, JSON. */
export function encodeSlot(generation: number, cursor: SpoolCursor): Uint8Array {
  const json = Buffer.from(JSON.stringify(cursor));
  if (slotHeaderBytes + json.byteLength > slotBytes) throw new RangeError('the cursor does not fit its slot');
  const bytes = Buffer.alloc(slotBytes);
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(generation, 8);
  bytes.writeUInt32LE(json.byteLength, 12);
  json.copy(bytes, slotHeaderBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** The newest whole slot of the file. */
export function decodeSlots(file: Uint8Array): { generation: number; cursor: SpoolCursor } | undefined {
  const found = [0, 1]
    .map((slot) => decodeSlot(Buffer.from(file.subarray(slot * slotBytes, (slot + 1) * slotBytes))))
    .filter((slot) => slot !== undefined);
  return found.sort((a, b) => b.generation - a.generation)[0];
}

function decodeSlot(bytes: Buffer): { generation: number; cursor: SpoolCursor } | undefined {
  if (bytes.byteLength !== slotBytes || bytes.readUInt32LE(0) !== magic) return undefined;
  if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) return undefined;
  const end = slotHeaderBytes + bytes.readUInt32LE(12);
  // The checksum is right, so this is what encodeSlot has written.
  const cursor = JSON.parse(bytes.toString('utf8', slotHeaderBytes, end)) as SpoolCursor;
  return { generation: bytes.readUInt32LE(8), cursor };
}
