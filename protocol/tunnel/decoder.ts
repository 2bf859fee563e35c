// Turns the pieces of websocket messages into frames. It accepts any split into pieces. DATA is passed on piece by
// piece as it lies; any other payload is joined when it lies across a boundary, so at most one frame is kept:
// a header and a payload within its limit. A frame may not cross the end of a message. Anything malformed is a
// TUNNEL_FRAME_INVALID; after one the decoder must not be used again.
import { FrameType, invalid, readHeader } from './frame.ts';
import { frameHeaderBytes } from './limits.ts';

/** `more`: this was a part of the frame's payload, the next call has the next part. Only ever for DATA. */
export type FrameReceiver = (
  type: number,
  stream: number,
  aux: number,
  payload: Uint8Array,
  more: boolean,
) => void;

const nothing = new Uint8Array(0);

export class FrameDecoder {
  readonly #receive: FrameReceiver;
  #header: Uint8Array | undefined;
  #headerBytes = 0;
  #type = 0;
  #stream = 0;
  #aux = 0;
  /** Bytes of the current payload that are still to come; -1 while reading a header. */
  #missing = -1;
  #joined: Uint8Array | undefined;

  constructor(receive: FrameReceiver) {
    this.#receive = receive;
  }

  /** One whole websocket message, in as many pieces as the transport likes. */
  message(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.push(piece);
    this.endMessage();
  }

  push(piece: Uint8Array): void {
    let offset = 0;
    while (offset < piece.length || this.#missing === 0) {
      offset = this.#missing < 0 ? this.#readHeader(piece, offset) : this.#readPayload(piece, offset);
    }
  }

  endMessage(): void {
    if (this.#missing >= 0 || this.#headerBytes > 0)
      throw invalid('a frame is cut off by the end of its message');
  }

  #readHeader(piece: Uint8Array, offset: number): number {
    if (this.#headerBytes === 0 && piece.length - offset >= frameHeaderBytes) {
      this.#begin(piece, offset);
      return offset + frameHeaderBytes;
    }
    this.#header ??= new Uint8Array(frameHeaderBytes);
    const taken = Math.min(frameHeaderBytes - this.#headerBytes, piece.length - offset);
    this.#header.set(piece.subarray(offset, offset + taken), this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes === frameHeaderBytes) {
      this.#headerBytes = 0;
      this.#begin(this.#header, 0);
    }
    return offset + taken;
  }

  #begin(source: Uint8Array, offset: number): void {
    const header = readHeader(source, offset);
    this.#type = header.type;
    this.#stream = header.stream;
    this.#aux = header.aux;
    this.#missing = header.payloadBytes;
  }

  #readPayload(piece: Uint8Array, offset: number): number {
    const end = Math.min(piece.length, offset + this.#missing);
    const part = end === offset ? nothing : piece.subarray(offset, end);
    const whole = part.length === this.#missing;
    this.#missing -= part.length;
    if (this.#type === FrameType.data || (whole && !this.#joined)) {
      if (whole) this.#missing = -1;
      this.#receive(this.#type, this.#stream, this.#aux, part, !whole);
    } else {
      this.#join(part);
    }
    return end;
  }

  #join(part: Uint8Array): void {
    this.#joined ??= new Uint8Array(part.length + this.#missing);
    this.#joined.set(part, this.#joined.length - this.#missing - part.length);
    if (this.#missing > 0) return;
    const payload = this.#joined;
    this.#joined = undefined;
    this.#missing = -1;
    this.#receive(this.#type, this.#stream, this.#aux, payload, false);
  }
}
