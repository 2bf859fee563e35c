// Our websocket against the `ws` package and against any split of bytes: what one says the other understands, and
// what breaks the rules is closed with the code that belongs to it.
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { writeFrameHeader } from '../../../protocol/tunnel/websocket/framing.ts';
import { WebsocketError, WebsocketParser } from '../../../protocol/tunnel/websocket/parser.ts';
import { WebsocketTransport } from '../../../protocol/tunnel/websocket/transport.ts';
import { newKey, requestHeaders, whyNotAccepted } from '../../../protocol/tunnel/websocket/upgrade.ts';

const limits = { messageLimitBytes: 65_552, fragmentsLimit: 16 };

function parser(role: 'client' | 'server') {
  const messages: Buffer[] = [];
  const controls: { opcode: number; payload: Buffer }[] = [];
  const found = new WebsocketParser(
    { role, ...limits },
    {
      message: (pieces) => messages.push(Buffer.concat(pieces)),
      control: (opcode, payload) => controls.push({ opcode, payload: Buffer.from(payload) }),
    },
  );
  return { parser: found, messages, controls };
}

interface Part {
  opcode: number;
  final: boolean;
  payload: Uint8Array;
  key: Uint8Array;
}

/** The reference: byte by byte as RFC 6455 writes it down. */
function encode({ opcode, final, payload, key }: Part, masked: boolean): Buffer {
  const { length } = payload;
  const extension =
    length < 126
      ? []
      : length < 65_536
        ? [length >> 8, length & 255]
        : [0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  const short = length < 126 ? length : length < 65_536 ? 126 : 127;
  const body = masked ? payload.map((byte, index) => byte ^ (key[index & 3] ?? 0)) : payload;
  return Buffer.concat([
    Buffer.from([(final ? 0x80 : 0) | opcode, (masked ? 0x80 : 0) | short, ...extension]),
    masked ? key : new Uint8Array(0),
    body,
  ]);
}

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.integer({ min: 0, max: 65_552 }).map((length) => new Uint8Array(length).fill(length)),
);
const key = fc.oneof(fc.constant(new Uint8Array(4)), fc.uint8Array({ minLength: 4, maxLength: 4 }));
const message = fc.array(fc.record({ payload: fc.uint8Array({ maxLength: 500 }), key }), {
  minLength: 1,
  maxLength: 5,
});
const ping = fc.record({ payload: fc.uint8Array({ maxLength: 125 }), key });

describe('the parser', () => {
  test.each([true, false])(
    'masked %s: any split of any fragments, with pings in between, gives the same messages',
    (masked) => {
      fc.assert(
        fc.property(
          fc.array(message, { maxLength: 6 }),
          ping,
          fc.array(fc.nat({ max: 5000 }), { maxLength: 30 }),
          (sent, question, cuts) => {
            const bytes = Buffer.concat(
              sent.flatMap((parts) =>
                parts.flatMap((part, index) => [
                  encode({ opcode: index === 0 ? 2 : 0, final: index === parts.length - 1, ...part }, masked),
                  encode({ opcode: 9, final: true, ...question }, masked),
                ]),
              ),
            );
            const edges = [
              0,
              ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
              bytes.length,
            ];
            const { parser: reading, messages, controls } = parser(masked ? 'server' : 'client');
            for (const [index, edge] of edges.slice(1).entries())
              reading.push(bytes.subarray(edges[index], edge));
            expect(messages).toEqual(sent.map((parts) => Buffer.concat(parts.map((part) => part.payload))));
            const pings = sent.flat().length;
            expect(controls).toEqual(
              new Array(pings).fill({ opcode: 9, payload: Buffer.from(question.payload) }),
            );
          },
        ),
      );
    },
  );

  test('every length of payload has the header that the reference gives it', () => {
    fc.assert(
      fc.property(payload, key, fc.boolean(), (bytes, mask, masked) => {
        const expected = encode({ opcode: 2, final: true, payload: bytes, key: mask }, masked);
        const header = Buffer.alloc(expected.length - bytes.length);
        writeFrameHeader(header, 0, 2, bytes.length, masked ? mask : undefined);
        expect(header.equals(expected.subarray(0, header.length))).toBe(true);
      }),
    );
  });

  test('random bytes: messages within the limits or a WebsocketError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), fc.boolean(), (bytes, server) => {
        const { parser: reading, messages } = parser(server ? 'server' : 'client');
        try {
          reading.push(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WebsocketError);
        }
        for (const found of messages) expect(found.length).toBeLessThanOrEqual(limits.messageLimitBytes);
      }),
      { numRuns: 1000 },
    );
  });

  const empty = new Uint8Array(0);
  test.each<[string, number, Buffer]>([
    [
      'an unmasked frame to a server',
      1002,
      encode({ opcode: 2, final: true, payload: empty, key: empty }, false),
    ],
    ['reserved bits', 1002, Buffer.from([0xc2, 0x80, 1, 2, 3, 4])],
    ['text', 1003, Buffer.from([0x81, 0x80, 1, 2, 3, 4])],
    ['an unknown opcode', 1002, Buffer.from([0x83, 0x80, 1, 2, 3, 4])],
    ['a continuation of nothing', 1002, Buffer.from([0x80, 0x80, 1, 2, 3, 4])],
    ['a new message within another', 1002, Buffer.from([0x02, 0x80, 1, 2, 3, 4, 0x02, 0x80, 1, 2, 3, 4])],
    ['a ping in fragments', 1002, Buffer.from([0x09, 0x80, 1, 2, 3, 4])],
    ['a ping that is too long', 1002, Buffer.from([0x89, 0xfe, 0, 126, 1, 2, 3, 4])],
    ['a message that is too long', 1009, Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 17, 1, 2, 3, 4])],
    [
      'a length beyond all bounds',
      1009,
      Buffer.from([0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4]),
    ],
    [
      'too many fragments',
      1008,
      Buffer.concat(Array.from({ length: 17 }, (_, index) => Buffer.from([index ? 0 : 2, 0x80, 0, 0, 0, 0]))),
    ],
  ])('%s is closed with %i', (_name, code, bytes) => {
    for (const size of [1, bytes.length]) {
      const { parser: reading } = parser('server');
      const act = () => {
        for (let offset = 0; offset < bytes.length; offset += size)
          reading.push(bytes.subarray(offset, offset + size));
      };
      expect(act).toThrow(expect.objectContaining({ code }));
    }
  });
});

describe('beside the ws package', () => {
  const arrivals = new EventEmitter();
  let server: WebSocketServer;
  let port = 0;

  beforeAll(async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 100_000 });
    server.on('connection', (websocket) => arrivals.emit('websocket', websocket));
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => void server.close());

  /** Our client, upgraded by the package's server. */
  async function connect(
    secure: boolean,
  ): Promise<{ ours: WebsocketTransport; theirs: WebSocket; socket: Socket }> {
    const key = newKey();
    const arrived = once(arrivals, 'websocket') as Promise<[WebSocket]>;
    const connection = net.connect(port, '127.0.0.1');
    const request = http.request({
      createConnection: () => connection,
      host: '127.0.0.1',
      port,
      headers: requestHeaders(key, 'regnode.v1'),
    });
    request.end();
    const [response, socket] = (await once(request, 'upgrade')) as [http.IncomingMessage, Socket];
    expect(whyNotAccepted(response.headers, key, 'regnode.v1')).toBeUndefined();
    return {
      ours: new WebsocketTransport(socket, { role: 'client', secure }),
      theirs: (await arrived)[0],
      socket,
    };
  }

  function piecesOf(bytes: number, headroom: number): Uint8Array[] {
    const first = new Uint8Array(headroom + 16).subarray(headroom);
    first.fill(7);
    return bytes <= 16 ? [first.subarray(0, bytes)] : [first, Buffer.alloc(bytes - 16, bytes & 255)];
  }

  test.each([true, false])('secure %s: messages of every size, both ways, and the close', async (secure) => {
    const { ours, theirs } = await connect(secure);
    const received: Buffer[] = [];
    const closed = new Promise<[string, number]>((resolve) => {
      ours.listen({
        message: (pieces) => received.push(Buffer.concat(pieces)),
        drained() {},
        closed: (reason, code) => resolve([reason, code]),
      });
    });
    theirs.on('message', (data) => theirs.send(data));
    const sizes = [1, 16, 17, 125, 126, 127, 128, 65_535, 65_536, 65_552];
    for (const size of sizes) {
      const pieces = piecesOf(size, ours.headroomBytes);
      const before = pieces.map((piece) => Buffer.from(piece));
      await new Promise<void>((resolve, reject) =>
        ours.send(pieces, (error) => (error ? reject(error) : resolve())),
      );
      expect(pieces.every((piece, index) => before[index]?.equals(piece))).toBe(true);
    }
    while (received.length < sizes.length) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(received.map(({ length }) => length)).toEqual(sizes);
    for (const [index, size] of sizes.entries()) {
      expect(received[index]?.equals(Buffer.concat(piecesOf(size, 14)))).toBe(true);
    }
    theirs.close(4001, 'superseded');
    expect(await closed).toEqual(['4001 superseded', 4001]);
  });

  test('a ping is answered, a close of ours is understood', async () => {
    const { ours, theirs } = await connect(false);
    ours.listen({ message() {}, drained() {}, closed() {} });
    const pong = once(theirs, 'pong') as Promise<[Buffer]>;
    theirs.ping('are you there');
    expect((await pong)[0].toString()).toBe('are you there');
    const closed = once(theirs, 'close') as Promise<[number, Buffer]>;
    ours.close(4006, 'dead');
    const [code, reason] = await closed;
    expect([code, reason.toString()]).toEqual([4006, 'dead']);
  });

  test('a connection that breaks off says so, and what was not sent is told', async () => {
    const { ours, theirs, socket } = await connect(false);
    const closed = new Promise<number>((resolve) => {
      ours.listen({ message() {}, drained() {}, closed: (_reason, code) => resolve(code) });
    });
    theirs.terminate();
    expect(await closed).toBe(1006);
    const error = await new Promise((resolve) => ours.send(piecesOf(100, 14), resolve));
    expect(String(error)).toContain('closed');
    expect(socket.destroyed).toBe(true);
  });
});
