// A thousand streams at a time over one tunnel, each with its own bytes and its own end: some end in order,
// some one way first, some are reset from either side, one is not read at all. None of them feels any other.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Loopback, readAll, until } from './loopback.ts';

const streams = 1000;
/** For what a busy machine does in its time; nothing here is measured. */
const patienceMs = 60_000;
const block = Buffer.alloc(64 * 1024, 'x');

let loopback: Loopback;

beforeEach(async () => {
  loopback = await Loopback.start();
});
afterEach(() => loopback.close());

const open = async (): Promise<Socket> => (await loopback.connect('idc-1:10250')).socket;
const figures = () => loopback.gateway.hub.figures;
const textOf = (index: number) => `${index} `.repeat(300);

test('each with its own bytes', async () => {
  await loopback.target('kubelet', (socket) => socket.pipe(socket));
  await loopback.agent();
  const sockets = await Promise.all(Array.from({ length: streams }, open));
  expect(figures().streams).toBe(streams);
  const received = await Promise.all(
    sockets.map(async (socket, index) => {
      socket.end(textOf(index));
      return (await readAll(socket)).toString();
    }),
  );
  expect(received).toEqual(received.map((_, index) => textOf(index)));
  await until(() => figures().streams === 0, patienceMs);
});

/**
 * The far end does as the first line says: echo, answer after the end, say and end first,
 * reset, or pour without end.
 */
function kubelet(socket: Socket): void {
  socket.once('data', (first: Buffer) => {
    const [order = '', text = ''] = first.toString().split('\n');
    switch (order) {
      case 'echo':
        socket.write(text);
        socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end());
        break;
      case 'answer':
        socket.on('data', () => {}).on('end', () => socket.end(text));
        break;
      case 'greet':
        socket.end(text);
        socket.on('data', () => {});
        break;
      case 'reset':
        socket.resetAndDestroy();
        break;
      default: {
        const pour = () => {
          while (!socket.destroyed && socket.write(block)) poured += block.length;
          poured += block.length;
        };
        socket.on('drain', pour);
        pour();
      }
    }
  });
}
let poured = 0;

test('half-close both ways, resets from both sides, and one that nobody reads', async () => {
  poured = 0;
  await loopback.target('kubelet', kubelet);
  await loopback.agent();
  const stalled = await open();
  const sockets = await Promise.all(Array.from({ length: streams - 1 }, open));
  expect(figures().streams).toBe(streams);
  stalled.pause();
  stalled.write('pour\n');
  await until(() => poured > 256 * 1024, patienceMs);

  const orders = ['echo', 'answer', 'greet', 'reset', 'cut'] as const;
  const outcomes = await Promise.all(
    sockets.map(async (socket, index) => {
      const order = orders[index % orders.length] ?? 'echo';
      const text = textOf(index);
      if (order === 'cut') {
        socket.write(`echo\n${text}`);
        await once(socket.resume(), 'data');
        socket.destroy();
        return true;
      }
      if (order === 'greet') {
        socket.write(`greet\n${text}`);
        const greeting = (await readAll(socket)).toString();
        socket.end('late news');
        return greeting === text;
      }
      if (order === 'reset') socket.write('reset\n');
      else socket.end(`${order}\n${text}`);
      const received = (await readAll(socket).catch(() => Buffer.alloc(0))).toString();
      return received === (order === 'reset' ? '' : text);
    }),
  );
  expect(outcomes.filter((isRight) => !isRight)).toEqual([]);

  // A unix socket that vanishes is noticed when the far end writes next, so those that were cut may be left.
  const cut = sockets.filter((_, index) => index % orders.length === 4).length;
  await until(() => figures().streams <= 1 + cut, patienceMs);
  expect(figures()).toMatchObject({ sessions: 1, resumptions: 0, violations: 0 });
  // What fits into the credit, the queues and the kernel's buffers on both sides.
  expect(poured).toBeLessThan(16_000_000);
  expect(figures().unacknowledgedBytes).toBeLessThan(8 * 1024 * 1024);

  // The one that was not read has lost nothing meanwhile.
  let received = 0;
  let isWhole = true;
  stalled.on('data', (chunk: Buffer) => {
    isWhole &&= chunk.every((byte) => byte === 0x78);
    received += chunk.length;
  });
  const before = poured;
  stalled.resume();
  await until(() => received > before, patienceMs);
  expect(isWhole).toBe(true);
  stalled.destroy();
}, 120_000);
