// Websocket frames cut at random places, gathered in memory that is used again: the library must
// read the very messages that were sent. Freed memory is overwritten with 0xDD, so that whoever
// looks at it too late sees that.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FrameAlignment } from '../../../protocol/tunnel/alignment.ts';
import { type Block, giveBack, isLent, lend, memoryRules } from '../../../protocol/tunnel/memory.ts';
import { encodeWebsocketFrame, openWebsocket } from './raw-websocket.ts';

beforeEach(() => {
  memoryRules.poison = true;
});
afterEach(() => {
  memoryRules.poison = false;
});

interface Message {
  readonly fragments: readonly number[];
  readonly pings: boolean;
}

const fragment = fc.oneof(fc.nat(200), fc.nat(20_000), fc.constantFrom(125, 126, 8184, 8192, 65_535, 65_536));
const message: fc.Arbitrary<Message> = fc
  .record({ fragments: fc.array(fragment, { minLength: 1, maxLength: 4 }), pings: fc.boolean() })
  .filter(({ fragments }) => fragments.reduce((sum, bytes) => sum + bytes, 0) <= 65_552);

function check(numRuns: number, borrow: (piece: Uint8Array) => Block[]): void {
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(16_384, 65_536)), {
        minLength: 1,
        maxLength: 20,
      }),
      fc.array(fc.nat(5), { minLength: 1, maxLength: 8 }),
      (messages, masked, cuts, delays) => {
        const { websocket, read } = openWebsocket(masked);
        const sent: Buffer[] = [];
        const wire: Buffer[] = [];
        for (const { fragments, pings } of messages) {
          const payloads = fragments.map((bytes) => randomBytes(bytes));
          sent.push(Buffer.concat(payloads));
          for (const [index, payload] of payloads.entries()) {
            wire.push(
              encodeWebsocketFrame(payload, index === 0 ? 2 : 0, index === payloads.length - 1, masked),
            );
            if (pings) wire.push(encodeWebsocketFrame(Buffer.from('ping'), 9, true, masked));
          }
        }
        const received: Buffer[] = [];
        const late: { pieces: Uint8Array[]; blocks: Block[]; turns: number }[] = [];
        const settle = (all: boolean) => {
          while (late[0] && (all || late[0].turns-- <= 0)) {
            const { pieces, blocks } = late.shift() as (typeof late)[0];
            received.push(Buffer.concat(pieces));
            for (const block of blocks) giveBack(block);
          }
        };
        let count = 0;
        websocket.on('message', (data) => {
          const pieces = (data as unknown as Uint8Array[]).map((piece) =>
            isLent(piece) ? piece : Buffer.from(piece),
          );
          const blocks = pieces.flatMap((piece) => borrow(piece));
          late.push({ pieces, blocks, turns: delays[count++ % delays.length] as number });
        });
        const alignment = new FrameAlignment((bytes) => {
          read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
          return true;
        });
        const all = Buffer.concat(wire);
        for (let offset = 0, turn = 0; offset < all.length; turn += 1) {
          const bytes = cuts[turn % cuts.length] as number;
          alignment.push(Buffer.from(all.subarray(offset, offset + bytes)));
          offset += bytes;
          settle(false);
        }
        settle(true);
        expect(received.map((bytes, index) => bytes.equals(sent[index] as Buffer))).toEqual(
          sent.map(() => true),
        );
      },
    ),
    { numRuns, endOnFailure: true },
  );
}

test('the library reads what was sent, however it is cut and however late a reader is', () => {
  check(Number(process.env.TUNNEL_RUNS ?? 200), (piece) => {
    const block = lend(piece);
    return block ? [block] : [];
  });
});

test('a reader that does not borrow would be noticed', () => {
  expect(() => check(200, () => [])).toThrow();
});
