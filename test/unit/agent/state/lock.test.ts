// Who waits for whom: a command for the daemon's round, and nobody for another command. Where nothing is said
// of time, the locks are real ones.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { takeLock } from '../../../../agent/host/lock.ts';
import { daemonCommand, lockNode, lockNodeFromDaemon } from '../../../../agent/state/lock.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';

let world: IdcHost;
let host: Host;
beforeEach(() => {
  world = new IdcHost(new Map());
  const lock: Host['processes']['lock'] = (path, command) => takeLock(`${world.root}${path}`, command);
  host = { ...world.host, processes: { ...world.host.processes, lock } };
});
afterEach(() => world.remove());

test("a command waits for the daemon's round, and says so once", async () => {
  const round = await lockNode(host, daemonCommand);
  const onWait = vi.fn<() => void>();
  let isAtWork = true;
  const waiting = lockNodeFromDaemon(host, 'regnode leave', { onWait }).then((lock) => {
    expect(isAtWork, 'it came after the round').toBe(false);
    return lock;
  });
  await vi.waitFor(() => expect(onWait).toHaveBeenCalled(), { timeout: 30_000 });
  isAtWork = false;
  await round.release();
  await (await waiting).release();
  expect(onWait).toHaveBeenCalledTimes(1);
});

test('it does not wait for another command', async () => {
  const first = await lockNode(host, 'regnode leave');
  const onWait = vi.fn<() => void>();
  await expect(lockNodeFromDaemon(host, 'regnode join', { onWait })).rejects.toMatchObject({
    ...{ code: 'BUSY', values: { command: 'regnode leave', pid: process.pid } },
  });
  expect(onWait).not.toHaveBeenCalled();
  await first.release();
});

test('a holder that has no name, yet or any more, is not taken for another command', async () => {
  const answers = [
    { holderPid: 0, holderCommand: 'unknown' },
    { holderPid: 77, holderCommand: daemonCommand },
    { release: async () => {} },
  ];
  const lock = async () => answers.shift() ?? expect.unreachable();
  const passing: Host = { ...host, processes: { ...host.processes, lock } };
  const onWait = vi.fn<() => void>();
  expect(await lockNodeFromDaemon(passing, 'regnode leave', { onWait })).toHaveProperty('release');
  expect(onWait).toHaveBeenCalledTimes(1);
});

test('the daemon does not wait for itself', async () => {
  const first = await lockNode(host, daemonCommand);
  await expect(lockNode(host, daemonCommand)).rejects.toMatchObject({ code: 'BUSY' });
  await first.release();
});

test('a round of more than a minute is not waited for to its end, and Ctrl-C ends the wait', async () => {
  let nowMs = 0;
  const lock = async () => ({ holderPid: 77, holderCommand: daemonCommand });
  const clock: Host['clock'] = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (milliseconds, signal) => {
      signal?.throwIfAborted();
      nowMs += milliseconds;
    },
  };
  const busy: Host = { ...host, clock, processes: { ...host.processes, lock } };
  await expect(lockNodeFromDaemon(busy, 'regnode leave', {})).rejects.toMatchObject({ code: 'BUSY' });
  expect(nowMs).toBe(60_000);
  const signal = AbortSignal.abort(new Error('interrupted'));
  await expect(lockNodeFromDaemon(busy, 'regnode leave', { signal })).rejects.toThrow('interrupted');
});
