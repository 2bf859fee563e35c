// Giving pages back is a favour: it comes again while the daemon lives, ends with it, and never ends it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepSmall } from '../../../../agent/daemon/footprint.ts';
import { systemClock } from '../../../../agent/host/clock.ts';
import { kernelCalls } from '../../../../agent/host/kernel-calls.ts';
import { releaseFilePages } from '../../../../agent/host/resident-pages.ts';

const logger = { debug: vi.fn(), warn: vi.fn() };
let controller: AbortController;
let signal: AbortSignal;

beforeEach(() => {
  vi.clearAllMocks();
  controller = new AbortController();
  signal = controller.signal;
});
afterEach(() => controller.abort());

test('unbuilt there is nothing to do it with', () => {
  expect(releaseFilePages()).toBeUndefined();
});

test('an addon that can not be loaded here is told once, and the daemon goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'regnode-addon-'));
  const addon = join(folder, 'kernel-calls.node');
  await writeFile(addon, 'not a library');
  const wait = vi.fn(async () => undefined);
  await keepSmall({ logger, signal, release: () => releaseFilePages(kernelCalls(addon)), wait });
  expect(wait).toHaveBeenCalledTimes(1);
  expect(logger.warn).toHaveBeenCalledTimes(1);
  await rm(folder, { recursive: true });
});

test('again and again, until the signal', async () => {
  const waits: number[] = [];
  const release = vi.fn(() => {
    if (release.mock.calls.length === 3) controller.abort();
    return 4096;
  });
  await keepSmall({ logger, signal, release, wait: async (ms) => void waits.push(ms) });
  expect(release).toHaveBeenCalledTimes(3);
  expect(waits).toEqual([30_000, 300_000, 300_000, 300_000]);
  expect(logger.warn).not.toHaveBeenCalled();
});

test('not once more where it can not be done, or has failed', async () => {
  for (const release of [vi.fn(() => undefined), vi.fn(() => raise(new Error('EACCES')))]) {
    await keepSmall({ logger, signal, release, wait: async () => undefined });
    expect(release).toHaveBeenCalledTimes(1);
  }
  expect(logger.warn).toHaveBeenCalledTimes(1);
});

test('the signal ends the waiting', async () => {
  const release = vi.fn(() => 0);
  const ended = keepSmall({
    logger,
    signal,
    release,
    wait: (ms) => systemClock.sleep(ms, signal).catch(() => undefined),
  });
  controller.abort();
  await ended;
  expect(release).not.toHaveBeenCalled();
});

function raise(error: Error): never {
  throw error;
}
