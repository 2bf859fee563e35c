// What somebody who watches a join sees of several downloads at a time.
import { expect, test } from 'vitest';
import { downloadLine } from '../../../../agent/cli/download-line.ts';

const mebibyte = 1024 * 1024;
const download = (title: string, doneMiB: number, totalMiB: number, firstMiB = 0) => ({
  title,
  sinceMs: 1000,
  amount: { firstBytes: firstMiB * mebibyte, doneBytes: doneMiB * mebibyte, totalBytes: totalMiB * mebibyte },
});

test('each with its bytes, all with rate and time left', () => {
  const line = downloadLine(
    [download('fetch kubelet 1.20.2 (30.0 MiB)', 10, 30), download('fetch runc 1.1.5 (3.0 MiB)', 1, 3)],
    2000,
  );
  expect(line).toBe(
    'fetch kubelet 1.20.2: 10.0/30.0 MiB, fetch runc 1.1.5: 1.0/3.0 MiB, 11.0 MiB/s, 2 s left',
  );
});

test('what was there before does not count as fast', () => {
  expect(downloadLine([download('fetch a', 21, 30, 20)], 2000)).toBe(
    'fetch a: 21.0/30.0 MiB, 1.0 MiB/s, 9 s left',
  );
});

test('one that has brought nothing yet is not told, and no time is made up', () => {
  expect(downloadLine([{ title: 'fetch b', sinceMs: 0 }, download('fetch a', 0, 30)], 2000)).toBe(
    'fetch a: 0.0/30.0 MiB, 0.0 MiB/s',
  );
});
