// Turns the pieces of websocket messages into frames. It accepts any split into pieces, copies a payload only
// when it lies across a boundary, and keeps at most one frame: never more than a header and a full payload.
// A frame may not cross the end of a message. Anything malformed is a TUNNEL_FRAME_INVALID; after one the
// decoder must not be used again.
import { readHeader } from './frame.ts';
import { frameHeaderBytes } from './limits.ts';
import { invalid } from './violation.ts';

export type FrameReceiver = (type: number, stream: number, aux: number, payload: Uint8Array) => void;

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
  #payload: Uint8Array | undefined;
  #payloadBytes = 0;

  constructor(receive: FrameReceiver) {
    this.#receive = receive;
  }

  /** One whole websocket message, in as many pieces as the transport likes. */
  message(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.push(piece);
    this.endMessage();
  }

  /** What lies between `start` and `end`. */
  push(piece: Uint8Array, start = 0, end = piece.length): void {
    let offset = start;
    while (offset < end || this.#missing === 0) {
      offset =
        this.#missing < 0 ? this.#readHeader(piece, offset, end) : this.#readPayload(piece, offset, end);
    }
  }

  endMessage(): void {
    if (this.#missing >= 0 || this.#headerBytes > 0)
      throw invalid('frame-size', 'a frame is cut off by the end of its message');
  }

  #readHeader(piece: Uint8Array, offset: number, end: number): number {
    if (this.#headerBytes === 0 && end - offset >= frameHeaderBytes) {
      this.#begin(piece, offset);
      return offset + frameHeaderBytes;
    }
    this.#header ??= new Uint8Array(frameHeaderBytes);
    const taken = Math.min(frameHeaderBytes - this.#headerBytes, end - offset);
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
    this.#payloadBytes = 0;
  }

  #readPayload(piece: Uint8Array, offset: number, end: number): number {
    const taken = Math.min(this.#missing, end - offset);
    if (taken === this.#missing && this.#payloadBytes === 0) {
      this.#finish(taken === 0 ? nothing : piece.subarray(offset, offset + taken));
      return offset + taken;
    }
    this.#payload ??= new Uint8Array(this.#missing);
    this.#payload.set(piece.subarray(offset, offset + taken), this.#payloadBytes);
    this.#payloadBytes += taken;
    this.#missing -= taken;
    if (this.#missing === 0) this.#finish(this.#payload);
    return offset + taken;
  }

  #finish(payload: Uint8Array): void {
    this.#missing = -1;
    this.#payload = undefined;
    this.#payloadBytes = 0;
    this.#receive(this.#type, this.#stream, this.#aux, payload);
  }
}
