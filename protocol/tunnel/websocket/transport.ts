// The session's transport over a socket that has been upgraded to a websocket, the same for both ends. A message is
// one frame: its header goes into the room that the writer leaves before the first piece, and payloads are
// written as they lie. A client masks all pieces into one buffer on a plain connection; under TLS its key is
// zero, because masking hides payloads from proxies that could see them, and there TLS does.
import type { Socket } from 'node:net';
import { messageFragmentsLimit, messageLimitBytes } from '../limits.ts';
import { CloseCode, type Transport, type TransportListener } from '../transport.ts';
import { headerBytes, headerLimitBytes, Opcode, StandardClose, writeFrameHeader } from './framing.ts';
import { giveBack, maskInto, newMask, takeBuffer } from './masking.ts';
import { WebsocketError, WebsocketParser } from './parser.ts';

export interface WebsocketOptions {
  readonly role: 'client' | 'server';
  /** The socket is encrypted from end to end. */
  readonly secure: boolean;
}

const zeroMask = new Uint8Array(4);
const reasonLimitBytes = 120;
/** Peers that ask faster than they read get no further pongs. */
const answerLimitBytes = 512 * 1024;

export class WebsocketTransport implements Transport {
  readonly headroomBytes = headerLimitBytes;
  readonly #socket: Socket;
  readonly #mask: 'none' | 'zero' | 'random';
  #closeSent = false;
  #code: number = CloseCode.brokenOff;
  #reason = '';

  constructor(socket: Socket, { role, secure }: WebsocketOptions) {
    this.#socket = socket;
    this.#mask = role === 'server' ? 'none' : secure ? 'zero' : 'random';
    socket.setNoDelay(true);
    socket.setTimeout(0);
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  send(pieces: readonly Uint8Array[], sent?: (error?: Error) => void): void {
    if (this.#closeSent || this.#socket.destroyed) {
      if (sent) process.nextTick(sent, new Error('the connection is closed'));
      return;
    }
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    if (this.#mask === 'random') this.#sendMasked(Opcode.binary, pieces, bytes, sent);
    else this.#sendPlain(pieces, bytes, sent);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  listen(listener: TransportListener): void {
    const socket = this.#socket;
    const role = this.#mask === 'none' ? 'server' : 'client';
    const limits = { role, messageLimitBytes, fragmentsLimit: messageFragmentsLimit } as const;
    const parser = new WebsocketParser(limits, {
      message: (pieces) => listener.message(pieces),
      control: (opcode, payload) => this.#control(opcode, payload),
    });
    let broken = false;
    const read = (chunk: Uint8Array) => {
      if (broken) return;
      try {
        parser.push(chunk);
      } catch (error) {
        if (!(error instanceof WebsocketError)) throw error;
        broken = true;
        this.#reason = error.message;
        this.#code = error.code;
        this.close(error.code, error.message);
        socket.destroySoon();
      }
    };
    socket.on('data', read);
    socket.on('drain', () => listener.drained());
    socket.on('error', (error) => {
      this.#reason ||= error.message;
    });
    socket.on('end', () => socket.destroySoon());
    socket.on('close', () => listener.closed(this.#reason || 'the connection broke off', this.#code));
    socket.resume();
  }

  close(code: number, reason: string): void {
    if (this.#closeSent) return;
    const text = Buffer.from(reason).subarray(0, reasonLimitBytes);
    this.#sendControl(Opcode.close, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), text]));
    this.#closeSent = true;
  }

  terminate(): void {
    this.#socket.destroy();
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.ping && this.bufferedBytes < answerLimitBytes) {
      this.#sendControl(Opcode.pong, payload);
    } else if (opcode === Opcode.close) {
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
      this.#code = bytes.length >= 2 ? bytes.readUInt16BE(0) : StandardClose.noStatus;
      this.#reason ||= `${this.#code} ${bytes.subarray(2).toString()}`.trim();
      this.close(bytes.length >= 2 ? this.#code : StandardClose.normal, '');
      this.#socket.destroySoon();
    }
  }

  #sendPlain(
    pieces: readonly Uint8Array[],
    bytes: number,
    sent: ((error?: Error) => void) | undefined,
  ): void {
    const mask = this.#mask === 'zero' ? zeroMask : undefined;
    const first = pieces[0] as Uint8Array;
    const length = headerBytes(bytes, mask !== undefined);
    const start = new Uint8Array(first.buffer, first.byteOffset - length, length + first.length);
    writeFrameHeader(start, 0, Opcode.binary, bytes, mask);
    const last = pieces.length - 1;
    if (last === 0) {
      this.#socket.write(start, taken(sent));
      return;
    }
    this.#socket.cork();
    this.#socket.write(start);
    for (let index = 1; index < last; index += 1) this.#socket.write(pieces[index] as Uint8Array);
    this.#socket.write(pieces[last] as Uint8Array, taken(sent));
    this.#socket.uncork();
  }

  #sendMasked(
    opcode: number,
    pieces: readonly Uint8Array[],
    bytes: number,
    sent?: (error?: Error) => void,
  ): void {
    const length = headerBytes(bytes, true);
    const buffer = takeBuffer(length + bytes);
    const mask = newMask();
    writeFrameHeader(buffer, 0, opcode, bytes, mask);
    let position = 0;
    for (const piece of pieces) {
      maskInto(piece, mask, position, buffer, length + position);
      position += piece.length;
    }
    this.#socket.write(buffer.subarray(0, length + bytes), (error) => {
      giveBack(buffer);
      sent?.(error ?? undefined);
    });
  }

  #sendControl(opcode: number, payload: Uint8Array): void {
    if (this.#closeSent || this.#socket.destroyed) return;
    if (this.#mask !== 'none') {
      this.#sendMasked(opcode, [payload], payload.length);
      return;
    }
    const frame = Buffer.alloc(2 + payload.length);
    writeFrameHeader(frame, 0, opcode, payload.length, undefined);
    frame.set(payload, 2);
    this.#socket.write(frame);
  }
}

/** Node tells success with null. */
function taken(sent: ((error?: Error) => void) | undefined): ((error?: Error | null) => void) | undefined {
  return sent && ((error) => sent(error ?? undefined));
}
