// What is kept, forgotten, and sent again.
import { expect, test } from 'vitest';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { FrameType } from '../../../../protocol/tunnel/frame.ts';
import { keptFrameOverheadBytes, ReplayLog } from '../../../../protocol/tunnel/replay.ts';

function filled(frames: number): ReplayLog {
  const log = new ReplayLog();
  for (let aux = 1; aux <= frames; aux += 1) {
    log.append({ type: FrameType.data, stream: 1, aux, payload: new Uint8Array(10) });
  }
  return log;
}

function replayAll(log: ReplayLog): number[] {
  const numbers: number[] = [];
  for (let frame = log.replay(); frame; frame = log.replay()) numbers.push(frame.aux);
  return numbers;
}

test('after a reconnect exactly the frames that the peer has not are sent again', () => {
  const log = filled(10);
  log.acknowledge(3);
  log.rewind(7);
  expect(replayAll(log)).toEqual([8, 9, 10]);
  expect(log.hasReplay).toBe(false);
});

test('a second cut in the middle of the replay begins where the peer now stands', () => {
  const log = filled(10);
  log.rewind(2);
  log.replay();
  log.replay();
  log.rewind(3);
  expect(replayAll(log)).toEqual([4, 5, 6, 7, 8, 9, 10]);
});

test('bytes are counted with their overhead and given back', () => {
  const log = filled(10);
  expect(log.bytes).toBe(10 * (10 + keptFrameOverheadBytes));
  log.acknowledge(10);
  expect(log.bytes).toBe(0);
  expect(log.kept()).toEqual([]);
});

test('acknowledgements of 32 bits go on beyond 2³²', () => {
  const log = new ReplayLog();
  const frame = { type: FrameType.data, stream: 1, aux: 0, payload: new Uint8Array(1) };
  const start = 0xffff_fff0;
  log.startAt(start);
  for (let count = 0; count < 32; count += 1) log.append(frame);
  log.acknowledge((start + 20) >>> 0);
  expect(log.acknowledged).toBe(start + 20);
  expect(log.last).toBe(start + 32);
});

test.each([
  ['an acknowledgement of the future', (log: ReplayLog) => log.acknowledge(11)],
  ['one that goes backwards', (log: ReplayLog) => log.acknowledge(2)],
  ['a rewind before what was forgotten', (log: ReplayLog) => log.rewind(2)],
  ['a rewind into the future', (log: ReplayLog) => log.rewind(11)],
])('%s is a fault', (_name, act) => {
  const log = filled(10);
  log.acknowledge(3);
  expect(() => act(log)).toThrow(Fault);
});

test('nothing new overtakes the replay', () => {
  const log = filled(3);
  log.rewind(1);
  expect(() => log.append({ type: FrameType.fin, stream: 1, aux: 0, payload: new Uint8Array(0) })).toThrow(
    'overtake',
  );
});
