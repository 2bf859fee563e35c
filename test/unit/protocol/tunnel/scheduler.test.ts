// Turns: quiet streams first, the others in rounds, nobody starves.
import { expect, test } from 'vitest';
import { type Flow, newTurn, Scheduler } from '../../../../protocol/tunnel/scheduler.ts';

class Pretend implements Flow {
  readonly name: string;
  readonly turn;
  bytes: number;
  allowed = true;
  sent = 0;

  constructor(name: string, bytes: number, bulk = false) {
    this.name = name;
    this.bytes = bytes;
    this.turn = newTurn(bulk);
  }

  get ready(): boolean {
    return this.allowed && this.bytes > 0;
  }

  get backlogged(): boolean {
    return this.bytes > 0;
  }
}

const quantum = 1000;

function start(...flows: Pretend[]): Scheduler<Pretend> {
  const scheduler = new Scheduler<Pretend>(quantum);
  for (const flow of flows) scheduler.activate(flow);
  return scheduler;
}

/** One turn; returns whose it was. */
function turn(scheduler: Scheduler<Pretend>, freshOnly = false): string {
  const flow = scheduler.next(freshOnly);
  if (!flow) return '-';
  const bytes = Math.min(flow.bytes, scheduler.share(flow), 4000);
  flow.bytes -= bytes;
  flow.sent += bytes;
  scheduler.charge(flow, bytes);
  return flow.name;
}

test('one that is alone is not cut into quanta', () => {
  const bulk = new Pretend('bulk', 1e6);
  turn(start(bulk));
  expect(bulk.sent).toBe(4000);
});

test('bulk streams share evenly', () => {
  const flows = ['a', 'b', 'c'].map((name) => new Pretend(name, 1e6));
  const scheduler = start(...flows);
  for (let count = 0; count < 300; count += 1) turn(scheduler);
  const sent = flows.map((flow) => flow.sent);
  expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(quantum);
});

test('a keystroke goes before 100 bulk streams', () => {
  const bulk = Array.from({ length: 100 }, (_, index) => new Pretend(`bulk${index}`, 1e6));
  const scheduler = start(...bulk);
  for (let count = 0; count < 250; count += 1) turn(scheduler);
  const keystroke = new Pretend('keystroke', 64);
  scheduler.activate(keystroke);
  expect(turn(scheduler)).toBe('keystroke');
});

test('one that pretends to be quiet again and again does not starve the others', () => {
  const bulk = new Pretend('bulk', 1e6);
  const trickle = new Pretend('trickle', 0);
  const scheduler = start(bulk);
  turn(scheduler);
  for (let count = 0; count < 200; count += 1) {
    trickle.bytes = quantum;
    scheduler.activate(trickle);
    turn(scheduler);
  }
  expect(bulk.sent).toBeGreaterThan(trickle.sent / 2);
});

test('one that was stopped by its credit comes back behind a quiet one', () => {
  const stopped = new Pretend('stopped', 1e6);
  const scheduler = start(stopped);
  turn(scheduler);
  stopped.allowed = false;
  expect(turn(scheduler)).toBe('-');
  expect(turn(scheduler)).toBe('-');
  stopped.allowed = true;
  scheduler.activate(stopped);
  scheduler.activate(new Pretend('quiet', 10));
  expect(turn(scheduler)).toBe('quiet');
});

test('when only quiet ones may send, the others wait', () => {
  const bulk = new Pretend('bulk', 1e6, true);
  const scheduler = start(bulk, new Pretend('quiet', 10));
  expect(turn(scheduler, true)).toBe('quiet');
  expect(turn(scheduler, true)).toBe('-');
  expect(turn(scheduler)).toBe('bulk');
});

test('one that was removed has no turn', () => {
  const gone = new Pretend('gone', 100);
  const scheduler = start(gone);
  scheduler.remove(gone);
  expect(turn(scheduler)).toBe('-');
});
