// The little of protobuf that the answers of a container runtime need: fields by their number. What is cut
// off or unknown ends the reading of a message; what was read before it counts.

const lengthDelimited = 2;

/** A length-delimited field: text, bytes, or a message. Numbers below 16. */
export function bytesField(field: number, content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) | 0x80);
  return Buffer.concat([Buffer.from([(field << 3) | lengthDelimited, ...length, rest]), bytes]);
}

/** Length-delimited fields of a protobuf message whose fields are all strings; ends at anything else. */
export function stringFields(message: Uint8Array): Map<number, string> {
  const fields = new Map<number, string>();
  let at = 0;
  while (at + 1 < message.length) {
    const key = message[at] ?? 0;
    const length = message[at + 1] ?? 0;
    if ((key & 7) !== 2 || length > 127 || at + 2 + length > message.length) break;
    fields.set(key >> 3, Buffer.from(message.subarray(at + 2, at + 2 + length)).toString('utf8'));
    at += 2 + length;
  }
  return fields;
}

/** The length-delimited fields of that number. */
export function messagesOf(message: Uint8Array, field: number): readonly Uint8Array[] {
  return fieldsOf(message, field).flatMap(({ content }) => content ?? []);
}

export function textsOf(message: Uint8Array, field: number): readonly string[] {
  return messagesOf(message, field).map((bytes) => Buffer.from(bytes).toString('utf8'));
}

/** The last number of that field, as a reader of protobuf takes it; 0 where it is left out. */
export function numberOf(message: Uint8Array, field: number): number {
  return fieldsOf(message, field).reduce((last, { value }) => value ?? last, 0);
}

interface Field {
  readonly content?: Uint8Array;
  readonly value?: number;
}

function fieldsOf(message: Uint8Array, field: number): readonly Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    // Ten bytes hold 64 bits; of a number beyond 2^53 (a time in nanoseconds) the last digits are not kept.
    for (let shift = 0; at < message.length && shift < 70; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < message.length) {
    const key = varint();
    const wire = key % 8;
    const isWanted = Math.floor(key / 8) === field;
    if (wire === 0) {
      const value = varint();
      if (isWanted) found.push({ value });
    } else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === lengthDelimited) {
      const length = varint();
      if (!(at + length <= message.length)) break;
      if (isWanted) found.push({ content: message.subarray(at, at + length) });
      at += length;
    } else break;
  }
  return found;
}
