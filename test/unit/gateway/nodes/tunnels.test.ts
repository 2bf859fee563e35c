// What a replica knows of its tunnels, and that no node's reports can make more work than a few a minute.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Tunnels } from '../../../../gateway/nodes/tunnels.ts';
import { type FakeSession, fakeSession } from '../session.ts';

let hurried: string[];
let changes: string[];
let tunnels: Tunnels;

beforeEach(() => {
  vi.useFakeTimers();
  hurried = [];
  changes = [];
  tunnels = new Tunnels(Date.now, (name) => hurried.push(name));
  tunnels.onChange((name) => changes.push(name));
});
afterEach(() => vi.useRealTimers());

function open(name: string): FakeSession {
  const session = fakeSession();
  tunnels.opened(name, session);
  changes = [];
  return session;
}

const say = (session: FakeSession, detail: string) =>
  session.say({ kind: 'report', phase: 'Running', revision: '', versions: {}, detail });
const detailOf = (name: string) => tunnels.get(name)?.report?.detail;

test('thirty reports are taken as they come', () => {
  const session = open('idc-1');
  for (let count = 1; count <= 30; count += 1) {
    say(session, `${count}`);
    expect(detailOf('idc-1')).toBe(`${count}`);
  }
  expect(changes).toHaveLength(30);
  expect(hurried).toEqual([]);
});

test('of what comes after that the latest is taken, in its time; other nodes are not held up', () => {
  const session = open('idc-1');
  const other = open('idc-2');
  for (let count = 1; count <= 10_000; count += 1) say(session, `${count}`);
  expect(changes).toHaveLength(30);
  expect(hurried).toHaveLength(9970);
  say(other, 'calm');
  expect(detailOf('idc-2')).toBe('calm');
  expect(detailOf('idc-1')).toBe('30');
  vi.advanceTimersByTime(2000);
  expect(detailOf('idc-1')).toBe('10000');
  expect(changes).toHaveLength(32);
});

test('an hour of it is one change in two seconds', () => {
  const session = open('idc-1');
  for (let tenth = 0; tenth < 36_000; tenth += 1) {
    say(session, `${tenth}`);
    vi.advanceTimersByTime(100);
  }
  expect(changes.length).toBeLessThan(30 + 1801);
  expect(changes.length).toBeGreaterThan(1500);
});

test('a report that waited for an older session, or for a node that is gone, comes to nothing', () => {
  const session = open('idc-1');
  for (let count = 0; count < 40; count += 1) say(session, 'old');
  open('idc-1');
  vi.advanceTimersByTime(60_000);
  expect(changes).toEqual([]);
  const gone = open('idc-3');
  for (let count = 0; count < 40; count += 1) say(gone, 'old');
  tunnels.forget('idc-3');
  changes = [];
  vi.advanceTimersByTime(60_000);
  expect(changes).toEqual([]);
  expect(tunnels.get('idc-3')).toBeUndefined();
});
