// Short messages that are told past the websocket library, against the library itself: whatever a client
// sends, well or badly, however it is cut and whenever the reader pauses, the same messages are told in
// the same order between the same answers, the same faults are found in the same words, and the
// connection ends in the same way.
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { memoryRules } from '../../../protocol/tunnel/memory.ts';
import type { Transport, TransportListener } from '../../../protocol/tunnel/transport.ts';
import { WebsocketTransport } from '../../../protocol/tunnel/websocket.ts';
import { encodeWebsocketFrame, openWebsocket } from './raw-websocket.ts';

afterEach(() => {
  memoryRules.poison = false;
});

/** Messages that begin so make the listener act at once. */
const closeMark = 0xe0;
const terminateMark = 0xe1;
const pauseMark = 0xe2;
const limit = 65_552;

/** What one end saw and said, in order. */
class Account {
  readonly lines: string[] = [];
  short = 0;
  /**
   * What follows the end of a connection that this side cut depends on how the bytes were
   * cut, and counts for nothing.
   */
  #isOver = false;
  readonly #kept = new Map<number, Buffer>();

  /** Each message as it was told is as it is now: whoever keeps one keeps what was sent. */
  check(): void {
    for (const [index, bytes] of this.#kept)
      expect(`message ${bytes.toString('hex')}`).toBe(this.lines[index]);
  }

  say(line: string): void {
    if (!this.#isOver) this.lines.push(line);
  }

  said(bytes: Buffer): void {
    if (this.#isOver) return;
    const last = this.lines.at(-1);
    if (last?.startsWith('said ')) this.lines[this.lines.length - 1] = last + bytes.toString('hex');
    else this.say(`said ${bytes.toString('hex')}`);
  }

  listener(transport: Transport, socket: Duplex): TransportListener {
    const take = (bytes: Buffer) => {
      if (!this.#isOver) this.#kept.set(this.lines.push(`message ${bytes.toString('hex')}`) - 1, bytes);
      if (bytes[0] === pauseMark) {
        socket.pause();
        setImmediate(() => socket.resume());
      }
      if (bytes[0] === closeMark) transport.close(4003, 'as told');
      if (bytes[0] === terminateMark) {
        this.#isOver = true;
        transport.terminate();
      }
    };
    return {
      message: (pieces) => take(Buffer.concat(pieces)),
      shortMessage: (bytes, start, end) => {
        this.short += 1;
        // Not copied: it must be the same when all is over.
        take(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start));
      },
      broken: (detail) => this.say(`broken ${detail}`),
      drained() {},
      closed: (reason, code) => this.say(`closed ${code} ${reason}`),
    };
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * The chunks as a socket delivers them; `turns` says after which of them the event loop turns, `ends`
 * that the peer's FIN follows.
 */
async function hear(
  chunks: readonly Buffer[],
  turns: readonly boolean[],
  withShortcut: boolean,
  ends = false,
): Promise<Account> {
  const account = new Account();
  const { websocket, socket } = openWebsocket(true, (bytes) => account.said(bytes));
  const transport = new WebsocketTransport(websocket, socket as never, withShortcut);
  transport.listen(account.listener(transport, socket));
  await turn();
  for (const [index, chunk] of chunks.entries()) {
    if (socket.destroyed) break;
    // The memory is the receiver's: it may be written to.
    socket.push(Buffer.from(new Uint8Array(chunk).buffer));
    if (turns[index % turns.length]) await turn();
  }
  // A socket whose reader has found a fault may stay paused, as the library leaves it.
  for (let count = 0; count < 100 && !socket.destroyed && socket.readableLength > 0; count += 1) await turn();
  if (ends && !socket.destroyed) socket.push(null);
  // How long an end takes that was begun is not what is compared.
  for (let count = 0; count < 5; count += 1) await turn();
  account.lines.push(`state ${websocket.readyState}`);
  websocket.terminate();
  await turn();
  await turn();
  account.check();
  return account;
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const length = fc.constantFrom(
  0,
  1,
  3,
  4,
  5,
  112,
  124,
  125,
  126,
  127,
  128,
  255,
  256,
  511,
  512,
  513,
  514,
  9000,
);
const sized = length.map((count) => Buffer.alloc(count, 0x5a));
const payload = fc.oneof({ weight: 3, arbitrary: bytes(40) }, { weight: 2, arbitrary: sized });
const frame =
  (opcode: number, fin = true, masked = true) =>
  (content: Buffer) =>
    encodeWebsocketFrame(content, opcode, fin, masked);

/** A length in more bytes than it needs. */
function wordy(content: Buffer, lengthBytes: 2 | 8, first = 0x82): Buffer {
  const head = Buffer.alloc(2 + lengthBytes);
  head[0] = first;
  head[1] = 0x80 | (lengthBytes === 2 ? 126 : 127);
  head.writeUIntBE(content.length, lengthBytes === 2 ? 2 : 4, lengthBytes === 2 ? 2 : 6);
  return Buffer.concat([head, Buffer.alloc(4), content]);
}

const good = fc.oneof(
  { weight: 12, arbitrary: payload.map(frame(2)) },
  {
    weight: 1,
    arbitrary: bytes(20).map((rest) => frame(2)(Buffer.concat([Buffer.from([pauseMark]), rest]))),
  },
  { weight: 2, arbitrary: bytes(125).map(frame(9)) },
  { weight: 1, arbitrary: bytes(125).map(frame(10)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(payload, fc.array(fc.oneof(payload.map(frame(0, false)), bytes(20).map(frame(9)))), payload)
      .map(([first, middle, last]) =>
        Buffer.concat([frame(2, false)(first), ...middle, frame(0, true)(last)]),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(payload, fc.constantFrom(2 as const, 8 as const))
      .map(([content, width]) => wordy(content.subarray(0, 600), width)),
  },
);
const bad = fc.oneof(
  bytes(20).map(frame(1)),
  bytes(20).map(frame(2, true, false)),
  bytes(20).map(frame(9, true, false)),
  bytes(20).map(frame(2, false)),
  bytes(20).map(frame(0)),
  bytes(20).map(frame(9, false)),
  fc.constant(frame(9)(Buffer.alloc(126))),
  fc.constantFrom(0x89, 0x8a, 0x88).map((first) => wordy(Buffer.from([3, 0xe8]), 2, first)),
  fc.constantFrom(0x89, 0x80, 0x02).map((first) => wordy(Buffer.from([3, 0xe8]), 8, first)),
  fc
    .tuple(fc.constantFrom(3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 0x12, 0x22, 0x42, 0x49, 0x72), bytes(20))
    .map(([opcode, content]) => frame(opcode)(content)),
  fc
    .constantFrom(Buffer.alloc(0), Buffer.from([3]), Buffer.from([3, 0xe8]), Buffer.from([0, 1, 65]))
    .map(frame(8)),
  fc.constantFrom(closeMark, terminateMark).map((mark) => frame(2)(Buffer.from([mark, 1, 2]))),
  fc.constant(frame(2)(Buffer.alloc(limit + 1))),
  fc.constant(Buffer.concat([frame(2, false)(Buffer.alloc(limit - 3)), frame(0)(Buffer.alloc(4))])),
  fc.constant(
    Buffer.concat([
      frame(2, false)(Buffer.alloc(1)),
      ...Array<Buffer>(256).fill(frame(0, false)(Buffer.alloc(0))),
    ]),
  ),
  fc.constant(Buffer.from('82ff7fffffffffffffff00000000', 'hex')),
  fc.constant(Buffer.from('82ff00ffffffffffffff00000000', 'hex')),
  bytes(60),
);
const conversation = fc.record({
  items: fc.array(fc.oneof({ weight: 5, arbitrary: good }, { weight: 1, arbitrary: bad }), {
    minLength: 1,
    maxLength: 25,
    size: 'max',
  }),
  /** None: each item comes as a chunk of its own. */
  cuts: fc.array(
    fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 400 }), fc.constant(65_536)),
    { maxLength: 6, size: 'max' },
  ),
  turns: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  ends: fc.boolean(),
  poison: fc.boolean(),
});

function cut(items: readonly Buffer[], cuts: readonly number[]): readonly Buffer[] {
  if (cuts.length === 0) return items;
  const all = Buffer.concat(items);
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < all.length; ) {
    const count = cuts[chunks.length % cuts.length] as number;
    chunks.push(all.subarray(offset, offset + count));
    offset += count;
  }
  return chunks;
}

test('what is told past the library is what the library tells, in its order and with its faults', async () => {
  let short = 0;
  let ended = 0;
  await fc.assert(
    fc.asyncProperty(conversation, async ({ items, cuts, turns, ends, poison }) => {
      memoryRules.poison = poison;
      const chunks = cut(items, cuts);
      const straight = await hear(chunks, turns, true, ends);
      const library = await hear(chunks, turns, false, ends);
      expect(straight.lines).toEqual(library.lines);
      expect(library.short).toBe(0);
      short += straight.short;
      if (straight.lines.some((line) => line.startsWith('broken'))) ended += 1;
    }),
    { numRuns: Number(process.env.TUNNEL_RUNS ?? 400), endOnFailure: true },
  );
  // Else it would have compared the library with itself, or peers that never err.
  expect(short).toBeGreaterThan(100);
  expect(ended).toBeGreaterThan(10);
}, 120_000);

test('the order of short and long messages, in one chunk', async () => {
  const mine = [frame(2)(Buffer.from('1')), frame(2, false)(Buffer.from('2')), frame(9)(Buffer.from('p'))];
  const rest = [frame(0)(Buffer.from('3')), frame(2)(Buffer.from('4')), frame(2)(Buffer.alloc(600, 53))];
  const six = frame(2)(Buffer.from('6'));
  const heard = await hear([Buffer.concat([...mine, ...rest]), six], [false], true);
  const text = (line: string) => line.replace(/^message /, '').slice(0, 4);
  expect(heard.lines.slice(0, 6).map(text)).toEqual(['31', 'said', '3233', '34', '3535', '36']);
  // What lies whole behind something for the library goes to it in one piece.
  expect(heard.short).toBe(2);
});

test.each([
  ['unmasked', frame(2, true, false)(Buffer.from('x')), 'Invalid WebSocket frame: MASK must be set'],
  ['reserved bits', frame(0x42)(Buffer.from('x')), 'Invalid WebSocket frame: RSV1 must be clear'],
  ['a wordy ping', wordy(Buffer.from('x'), 2, 0x89), 'Invalid WebSocket frame: invalid payload length 126'],
  ['opcode', frame(3)(Buffer.from('x')), 'Invalid WebSocket frame: invalid opcode 3'],
  [
    'a second beginning',
    Buffer.concat([frame(2, false)(Buffer.from('x')), frame(2)(Buffer.from('y'))]),
    'Invalid WebSocket frame: invalid opcode 2',
  ],
])('nothing is told behind %s', async (_name, broken, detail) => {
  const message = frame(2)(Buffer.from('a'));
  const heard = await hear([Buffer.concat([message, broken, message, message])], [false], true);
  expect(heard.lines.filter((line) => line.startsWith('message'))).toEqual(['message 61']);
  expect(heard.lines).toContain(`broken ${detail}`);
});
