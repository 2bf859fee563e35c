// Reads RFC 6455 frames from any split of bytes. Payloads are passed on as slices of what the socket delivered, and
// nothing is joined or copied but headers and control frames, so what it keeps is bounded by one header, one
// control frame and the slices of one message. Whatever breaks the rules is a WebsocketError with the code that
// the close frame shall carry; after one the parser must not be used again.
import { controlPayloadLimitBytes, headerLimitBytes, Opcode, StandardClose } from './framing.ts';
import { unmaskInPlace } from './masking.ts';

export class WebsocketError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface ParserOptions {
  /** A server gets masked frames and nothing else, a client unmasked ones. */
  readonly role: 'client' | 'server';
  readonly messageLimitBytes: number;
  readonly fragmentsLimit: number;
}

export interface ParserSink {
  message(pieces: readonly Uint8Array[]): void;
  control(opcode: number, payload: Uint8Array): void;
}

const fragmentBit = 0x80;
const reservedBits = 0x70;
const controlBit = 0x08;

export class WebsocketParser {
  readonly #options: ParserOptions;
  readonly #sink: ParserSink;
  #header: Uint8Array | undefined;
  #headerBytes = 0;
  /** Bytes of the present frame's payload that are still to come; -1 while reading a header. */
  #missing = -1;
  #payloadBytes = 0;
  #opcode = 0;
  #final = false;
  #mask: Uint8Array | undefined;
  #control: Uint8Array | undefined;
  #pieces: Uint8Array[] = [];
  #messageBytes = 0;
  #fragments = 0;

  constructor(options: ParserOptions, sink: ParserSink) {
    this.#options = options;
    this.#sink = sink;
  }

  push(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length || this.#missing === 0) {
      offset = this.#missing < 0 ? this.#readHeader(chunk, offset) : this.#readPayload(chunk, offset);
    }
  }

  /** Most headers lie in one chunk; the rest are gathered byte by byte. */
  #readHeader(chunk: Uint8Array, offset: number): number {
    if (this.#headerBytes === 0) {
      const length = lengthOfHeader(chunk, offset);
      if (length > 0 && offset + length <= chunk.length) {
        this.#begin(chunk, offset);
        return offset + length;
      }
    }
    this.#header ??= new Uint8Array(headerLimitBytes);
    this.#header[this.#headerBytes++] = chunk[offset] ?? 0;
    const length = lengthOfHeader(this.#header.subarray(0, this.#headerBytes), 0);
    if (length === this.#headerBytes) {
      this.#headerBytes = 0;
      this.#begin(this.#header, 0);
    }
    return offset + 1;
  }

  #begin(source: Uint8Array, offset: number): void {
    const first = source[offset] ?? 0;
    const second = source[offset + 1] ?? 0;
    const masked = (second & 0x80) !== 0;
    if (first & reservedBits) throw new WebsocketError(StandardClose.protocolError, 'reserved bits are set');
    if (masked !== (this.#options.role === 'server')) {
      throw new WebsocketError(StandardClose.protocolError, masked ? 'a masked frame' : 'an unmasked frame');
    }
    this.#final = (first & fragmentBit) !== 0;
    this.#opcode = first & 0x0f;
    this.#payloadBytes = readLength(source, offset);
    this.#missing = this.#payloadBytes;
    const keyAt = offset + lengthOfHeader(source, offset) - 4;
    this.#mask = masked ? source.slice(keyAt, keyAt + 4) : undefined;
    if (masked && isZero(this.#mask)) this.#mask = undefined;
    if (this.#opcode & controlBit) this.#beginControl();
    else this.#beginMessage();
  }

  #beginControl(): void {
    if (!this.#final || this.#payloadBytes > controlPayloadLimitBytes || this.#opcode > Opcode.pong) {
      throw new WebsocketError(StandardClose.protocolError, `a control frame of type ${this.#opcode}`);
    }
    this.#control = new Uint8Array(this.#payloadBytes);
  }

  #beginMessage(): void {
    const { messageLimitBytes, fragmentsLimit } = this.#options;
    const continues = this.#opcode === Opcode.continuation;
    if (continues !== this.#fragments > 0 || this.#opcode > Opcode.binary) {
      throw new WebsocketError(StandardClose.protocolError, `a frame of type ${this.#opcode}`);
    }
    if (this.#opcode === Opcode.text) throw new WebsocketError(StandardClose.unsupported, 'a text message');
    this.#fragments += 1;
    this.#messageBytes += this.#payloadBytes;
    if (this.#fragments > fragmentsLimit) {
      throw new WebsocketError(StandardClose.tooManyFragments, `more than ${fragmentsLimit} fragments`);
    }
    if (this.#messageBytes > messageLimitBytes) {
      throw new WebsocketError(StandardClose.tooLong, `a message of more than ${messageLimitBytes} bytes`);
    }
  }

  #readPayload(chunk: Uint8Array, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#missing);
    if (end > offset) {
      const piece = chunk.subarray(offset, end);
      const position = this.#payloadBytes - this.#missing;
      if (this.#mask) unmaskInPlace(piece, this.#mask, position);
      if (this.#control) this.#control.set(piece, position);
      else this.#pieces.push(piece);
      this.#missing -= piece.length;
    }
    if (this.#missing === 0) this.#finish();
    return end;
  }

  #finish(): void {
    this.#missing = -1;
    const control = this.#control;
    if (control) {
      this.#control = undefined;
      this.#sink.control(this.#opcode, control);
      return;
    }
    if (!this.#final) return;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#messageBytes = 0;
    this.#fragments = 0;
    this.#sink.message(pieces);
  }
}

/** 0 while the first two bytes are not there. */
function lengthOfHeader(source: Uint8Array, offset: number): number {
  if (source.length < offset + 2) return 0;
  const second = source[offset + 1] ?? 0;
  const length = second & 0x7f;
  const extension = length === 127 ? 8 : length === 126 ? 2 : 0;
  return 2 + extension + (second & 0x80 ? 4 : 0);
}

function readLength(source: Uint8Array, offset: number): number {
  const short = (source[offset + 1] ?? 0) & 0x7f;
  if (short < 126) return short;
  const bytes = short === 126 ? 2 : 8;
  let length = 0;
  for (let index = 0; index < bytes; index += 1) length = length * 256 + (source[offset + 2 + index] ?? 0);
  return length;
}

function isZero(mask: Uint8Array | undefined): boolean {
  return !!mask && ((mask[0] ?? 0) | (mask[1] ?? 0) | (mask[2] ?? 0) | (mask[3] ?? 0)) === 0;
}
