// The addon runs on the oldest C library of a supported host, or the build says so.
import { expect, test } from 'vitest';
import { newerThan } from '../../../../scripts/build/kernel-calls.ts';

const line = (version: string, name: string) =>
  `0000000000000000      DF *UND*\t0000000000000000 (GLIBC_${version}) ${name}`;

test('what a library of 2.17 has', () => {
  expect(newerThan('2.17', [line('2.2.5', 'madvise'), line('2.17', 'clock_gettime')].join('\n'))).toEqual([]);
  expect(newerThan('2.17', '    0x09691a75 0x00 02 GLIBC_2.2.5\n')).toEqual([]);
  expect(newerThan('2.17', '')).toEqual([]);
});

test('what it does not have', () => {
  const dump = [
    line('2.2.5', 'madvise'),
    line('2.34', 'dlsym'),
    line('2.34', 'pthread_create'),
    line('2.18', 'x'),
  ];
  expect(newerThan('2.17', dump.join('\n'))).toEqual(['GLIBC_2.34', 'GLIBC_2.18']);
  expect(newerThan('2.17', '    0x09691a75 0x00 02 GLIBC_3.0\n')).toEqual(['GLIBC_3.0']);
});

test('names without a number are of newer libraries too', () => {
  expect(newerThan('2.17', '    0x0fd0e42 0x00 03 GLIBC_ABI_DT_RELR\n')).toEqual(['GLIBC_ABI_DT_RELR']);
});
