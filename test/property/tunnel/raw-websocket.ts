// A websocket of the library without a network, and frames as a peer may write them, well or badly.
import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { websocketOptions } from '../../../protocol/tunnel/websocket.ts';

/** A websocket on a socket that goes nowhere; ws has no public way to make one without a handshake. */
export function openWebsocket(
  isServer: boolean,
  written: (chunk: Buffer) => void = () => {},
): {
  websocket: WebSocket;
  read: (chunk: Buffer) => void;
  socket: Duplex;
} {
  const socket = new Duplex({
    read() {},
    write: (chunk: Buffer, _encoding, done) => {
      written(chunk);
      done();
    },
  });
  const websocket = new (
    WebSocket as unknown as new (
      address: null,
      protocols: undefined,
      options: object,
    ) => WebSocket & {
      _isServer: boolean;
      _autoPong: boolean;
      setSocket(socket: Duplex, head: Buffer, options: object): void;
    }
  )(null, undefined, { ...websocketOptions, closeTimeout: 30_000 });
  websocket._isServer = isServer;
  websocket._autoPong = true;
  websocket.setSocket(socket, Buffer.alloc(0), websocketOptions);
  websocket.binaryType = 'fragments';
  const read = socket.listeners('data')[0] as (chunk: Buffer) => void;
  return { websocket, read: (chunk) => read.call(socket, chunk), socket };
}

export function encodeWebsocketFrame(payload: Buffer, opcode: number, fin: boolean, masked: boolean): Buffer {
  const length =
    payload.length < 126
      ? Buffer.from([payload.length])
      : payload.length < 65_536
        ? Buffer.from([126, payload.length >> 8, payload.length & 255])
        : Buffer.from([127, 0, 0, 0, 0, 0, 1, 0, 0]);
  if (masked) length[0] = (length[0] as number) | 0x80;
  const mask = masked ? randomBytes(4) : Buffer.alloc(0);
  const body = Buffer.from(payload);
  if (masked)
    for (let index = 0; index < body.length; index += 1)
      body[index] = (body[index] as number) ^ (mask[index & 3] as number);
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode]), length, mask, body]);
}
