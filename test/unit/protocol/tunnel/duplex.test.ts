// A stream as a Duplex: how it ends, whoever ends first.
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Recorder, Simulation } from '../../../property/tunnel/simulation.ts';

let simulation: Simulation;
let duplex: Duplex;
let peer: Recorder;

beforeEach(async () => {
  simulation = new Simulation();
  simulation.connect();
  simulation.settle();
  const opened = simulation.gateway.openStream({ target: 'kubelet', reason: 'test' });
  simulation.settle();
  duplex = await opened;
  peer = simulation.accepted[0] as Recorder;
});
afterEach(() => {
  vi.useRealTimers();
});

/** All that Node does with a Duplex by itself; the session has not had its turn. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('the peer ends first: all that is written then arrives, however slowly it is read, and the end too', async () => {
  peer.greedy = false;
  peer.stream?.write(Buffer.from('question'));
  peer.stream?.end();
  simulation.settle();
  const heard: Buffer[] = [];
  duplex.on('data', (chunk: Buffer) => heard.push(chunk));
  duplex.end(Buffer.alloc(700_000, 'x'));
  for (let turns = 0; turns < 20; turns += 1) {
    await turn();
    simulation.settle();
    peer.consume();
  }
  expect(Buffer.concat(heard).toString()).toBe('question');
  expect(duplex.destroyed, 'by Node').toBe(true);
  expect([peer.received.length, peer.ended, peer.outcome]).toEqual([700_000, true, 'finished']);
  expect(simulation.gateway.figures.streams).toBe(0);
});

test('gone after its end, before that of the peer has come: no reset', async () => {
  duplex.end('goodbye');
  await once(duplex, 'finish');
  duplex.destroy();
  await turn();
  simulation.settle();
  expect([peer.received.toString(), peer.ended, peer.outcome]).toEqual(['goodbye', true, 'none']);
  peer.stream?.end();
  simulation.settle();
  expect(peer.outcome).toBe('finished');
  expect(simulation.gateway.figures.streams).toBe(0);
});

test('gone after its end, and the peer never ends: reset after a while', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  duplex.end();
  await once(duplex, 'finish');
  duplex.destroy();
  await turn();
  simulation.settle();
  expect(peer.outcome).toBe('none');
  vi.advanceTimersByTime(2_000);
  simulation.settle();
  expect([peer.outcome, simulation.gateway.figures.streams]).toEqual(['reset', 0]);
});

test('gone after its end, and the peer says more: reset at once, nobody reads it', async () => {
  duplex.end();
  await once(duplex, 'finish');
  duplex.destroy();
  await turn();
  peer.stream?.write(Buffer.from('more'));
  simulation.settle();
  expect([peer.outcome, simulation.gateway.figures.streams]).toEqual(['reset', 0]);
});

test.each([
  ['before its end', () => {}],
  ['with something unread', () => void duplex.end()],
])('gone %s: reset at once', async (_name, before) => {
  peer.stream?.write(Buffer.from('unread'));
  simulation.settle();
  before();
  await turn();
  duplex.destroy();
  await turn();
  simulation.settle();
  expect([peer.outcome, simulation.gateway.figures.streams]).toEqual(['reset', 0]);
});
