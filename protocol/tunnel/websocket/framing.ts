// The frame of RFC 6455: its header, opcodes and close codes. No extensions, so the reserved bits are always 0.

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Longest header: two bytes, eight of length, four of mask. */
export const headerLimitBytes = 14;
export const controlPayloadLimitBytes = 125;

/** Standard close codes that we use ourselves; the tunnel's own are in ../transport.ts. */
export const StandardClose = {
  normal: 1000,
  protocolError: 1002,
  unsupported: 1003,
  noStatus: 1005,
  tooManyFragments: 1008,
  tooLong: 1009,
} as const;

export function headerBytes(payloadBytes: number, masked: boolean): number {
  const length = payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10;
  return masked ? length + 4 : length;
}

/** Writes the header of a final frame; with a `mask` its key is part of the header. */
export function writeFrameHeader(
  target: Uint8Array,
  offset: number,
  opcode: number,
  payloadBytes: number,
  mask: Uint8Array | undefined,
): void {
  const masked = mask ? 0x80 : 0;
  target[offset] = 0x80 | opcode;
  let end = offset + 2;
  if (payloadBytes < 126) {
    target[offset + 1] = masked | payloadBytes;
  } else if (payloadBytes < 65_536) {
    target[offset + 1] = masked | 126;
    target[offset + 2] = payloadBytes >>> 8;
    target[offset + 3] = payloadBytes;
    end += 2;
  } else {
    target[offset + 1] = masked | 127;
    for (let index = 0; index < 8; index += 1) {
      target[offset + 9 - index] = index < 6 ? Math.floor(payloadBytes / 2 ** (8 * index)) : 0;
    }
    end += 8;
  }
  if (mask) target.set(mask, end);
}
