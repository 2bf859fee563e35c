// What a CONNECT is answered. The reason of a refusal stands in the status line, because that is the part
// which the API server shows to whoever ran kubectl.
import type { Socket } from 'node:net';
import type { Fault } from '../../protocol/catalogue/fault.ts';
import { SocketEndpoint, type SocketOutcome } from '../../protocol/tunnel/socket.ts';
import type { SessionStream } from '../../protocol/tunnel/stream.ts';
import { endWith } from '../tunnel/last-words.ts';

export const established = 'HTTP/1.1 200 Connection established\r\n\r\n';

/** Answers the CONNECT as soon as the far end has answered, then is the socket's end of the stream. */
export class ConnectEndpoint extends SocketEndpoint {
  readonly #socket: Socket;
  readonly #head: Buffer;

  constructor(
    socket: Socket,
    head: Buffer,
    over: (outcome: SocketOutcome, stream: SessionStream | undefined) => void,
  ) {
    super(socket, over);
    this.#socket = socket;
    this.#head = head;
  }

  override opened(stream: SessionStream): void {
    this.#socket.write(established);
    stream.write(this.#head);
    super.opened(stream);
  }

  override refused(fault: Fault): void {
    super.refused(fault);
    refuse(this.#socket, fault);
  }

  override reset(fault: Fault): void {
    const wasOpen = this.isOpen;
    super.reset(fault);
    if (!wasOpen) refuse(this.#socket, fault);
  }
}

const timeoutCodes = new Set(['TUNNEL_OPEN_TIMED_OUT']);

export function refuse(socket: Socket, fault: Fault): void {
  const timedOut = timeoutCodes.has(fault.code);
  answer(socket, timedOut ? 504 : 502, `${fault.code} ${fault.message}`, fault.explain().remedy);
}

export function answer(socket: Socket, status: number, reason: string, body: string): void {
  if (socket.destroyed) return;
  const line = reason.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 300);
  const text = `${body}\n`;
  endWith(
    socket,
    `HTTP/1.1 ${status} ${line}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
