// The few lines of protobuf that remote-write needs: a length-delimited field, and a varint into a buffer.
// Lengths and milliseconds since 1970 are all below 2⁵³.

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

/** Returns the offset behind it. */
export function writeVarint(into: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    into[at] = (rest % 0x80) | 0x80;
    at += 1;
  }
  into[at] = rest;
  return at + 1;
}

/** Field numbers up to 15. */
export function bytesField(field: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + varintBytes(content.byteLength) + content.byteLength);
  bytes[0] = (field << 3) | 2;
  bytes.set(content, writeVarint(bytes, 1, content.byteLength));
  return bytes;
}
