// The session's transport over a `ws` websocket, the same for both ends. Pieces become fragments of one
// message, so nothing is joined on the way out; what comes in is cut at frame boundaries before ws sees it
// (alignment.ts), so that ws need not join it either. When ws masks, it masks into a copy of its own whenever
// it is given a view, also one on a SharedArrayBuffer; the buffer itself must never be given to it, since
// then it would mask in place.
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { tellDefect } from '../defect.ts';
import { FrameAlignment } from './alignment.ts';
import { messageFragmentsLimit, messageLimitBytes } from './limits.ts';
import { Shortcut, type ShortMessages } from './shortcut.ts';
import type { Transport, TransportListener } from './transport.ts';

/** For both `new WebSocket` and `new WebSocketServer`. */
export const websocketOptions = {
  perMessageDeflate: false,
  maxPayload: messageLimitBytes,
  maxFragments: messageFragmentsLimit,
  skipUTF8Validation: true,
} as const;

const part = { binary: true, fin: false } as const;
const whole = { binary: true, fin: true } as const;
const unsupportedCode = 1003;
/** How ws names what the peer sent against RFC 6455 or our limits; other errors are the network's. */
const libraryRefusal = 'WS_ERR_';

export class WebsocketTransport implements Transport {
  readonly #websocket: WebSocket;
  readonly #socket: Socket;
  #listener: TransportListener | undefined;
  #closing = false;

  /** `socket` is the one below `websocket`, which must be open. `accepted`: this end is the server. */
  constructor(websocket: WebSocket, socket: Socket, accepted = false) {
    this.#websocket = websocket;
    this.#socket = socket;
    websocket.binaryType = 'fragments';
    this.#align(accepted);
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  get receivedBytes(): number {
    return this.#socket.bytesRead;
  }

  send(pieces: readonly Uint8Array[], sent?: (error?: Error) => void): void {
    const last = pieces.length - 1;
    for (let index = 0; index < last; index += 1) this.#websocket.send(pieces[index] as Uint8Array, part);
    this.#websocket.send(pieces[last] as Uint8Array, whole, sent);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  pause(): void {
    this.#websocket.pause();
  }

  resume(): void {
    this.#websocket.resume();
  }

  listen(listener: TransportListener): void {
    let problem = '';
    this.#listener = listener;
    this.#websocket.on('message', (data, isBinary) => {
      if (isBinary) listener.message(data as unknown as Uint8Array[]);
      else {
        this.close(unsupportedCode, 'text');
        listener.broken('a text message');
      }
    });
    // Its own PINGs and PONGs say nothing to us, and are not to cost nothing either.
    this.#websocket.on('ping', () => listener.controlFrame?.());
    this.#websocket.on('pong', () => listener.controlFrame?.());
    this.#websocket.on('error', (error: NodeJS.ErrnoException) => {
      problem = error.message;
      if (error.code?.startsWith(libraryRefusal)) listener.broken(error.message);
    });
    this.#websocket.on('close', (code, reason) => {
      listener.closed(problem || `${code} ${reason}`.trim(), code);
    });
    this.#socket.on('drain', () => listener.drained());
  }

  close(code: number, reason: string): void {
    this.#closing = true;
    this.#websocket.close(code, Buffer.from(reason).subarray(0, 120).toString());
  }

  terminate(): void {
    this.#websocket.terminate();
  }

  /** Stands between the socket and the websocket's own listener. */
  #align(accepted: boolean): void {
    const socket = this.#socket;
    const [read, ...others] = socket.listeners('data') as ((chunk: Buffer) => void)[];
    if (!read || others.length > 0) return;
    const alignment = new FrameAlignment(
      (bytes) => {
        // After an error the websocket listens no more; after our own close frame it waits for the peer's.
        if (this.#websocket.readyState !== WebSocket.OPEN && !this.#closing) return false;
        read.call(socket, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
        return true;
      },
      accepted ? new Shortcut(this.#shortMessages()) : undefined,
    );
    const aligned = (chunk: Buffer) => {
      try {
        alignment.push(chunk);
      } catch (error) {
        tellDefect('websocket', error);
        this.terminate();
      }
    };
    socket.off('data', read);
    socket.on('data', aligned);
    // Before the websocket's own listener, which would read what is left in the socket
    // as the beginning of a frame.
    socket.prependListener('close', () => {
      socket.off('data', aligned);
      while (socket.read() !== null);
    });
  }

  #shortMessages(): ShortMessages {
    const isOpen = () => this.#listener !== undefined && this.#websocket.readyState === WebSocket.OPEN;
    return {
      get isOpen() {
        return isOpen();
      },
      message: (bytes, start, end) => this.#listener?.shortMessage(bytes, start, end),
    };
  }
}
