// Which pages may be unmapped, on what Linux says of a process: only a file's own bytes, and only of the
// program. A page that was written exists nowhere else, so taking one would end the process.
import { expect, test } from 'vitest';
import { filePages } from '../../../../agent/host/resident-pages.ts';

const program = '/opt/regnode/releases/0.1.0-0642b924ceb8';

function mapping(head: string, rssKb: number, anonymousKb: number | undefined): string {
  return [
    head,
    'Size:              42984 kB',
    'KernelPageSize:        4 kB',
    `Rss:         ${String(rssKb).padStart(11)} kB`,
    'Pss:               11000 kB',
    'Private_Dirty:         0 kB',
    ...(anonymousKb === undefined ? [] : [`Anonymous:   ${String(anonymousKb).padStart(11)} kB`]),
    'AnonHugePages:         0 kB',
    'VmFlags: rd ex mr mw me dw sd',
    '',
  ].join('\n');
}

const node = `${program}/bin/node`;
const text = `0074a000-03044000 r-xp 00349000 fd:01 1441801                            ${node}`;

test('code and constants of the program', () => {
  const constants = `03201000-06b51000 r--p 02e00000 fd:01 1441801                            ${node}`;
  const library = `7fe568530000-7fe568686000 r-xp 00026000 fd:01 1441999                  ${program}/lib/libc.so.6`;
  expect(
    filePages(mapping(text, 31696, 0) + mapping(constants, 16808, 0) + mapping(library, 1280, 0), program),
  ).toEqual([
    { address: 0x74a000, bytes: 0x3044000 - 0x74a000, residentBytes: 31696 * 1024 },
    { address: 0x3201000, bytes: 0x6b51000 - 0x3201000, residentBytes: 16808 * 1024 },
    { address: 0x7fe568530000, bytes: 0x156000, residentBytes: 1280 * 1024 },
  ]);
});

test.each([
  ['memory of no file', '7fe508000000-7fe547dc0000 r-xp 00000000 00:00 0 '],
  ['the heap', '41f60000-42734000 r--p 00000000 00:00 0                                  [heap]'],
  [
    'what the kernel gives',
    '7ffd2b9f0000-7ffd2b9f2000 r-xp 00000000 00:00 0                          [vdso]',
  ],
  [
    'pages that may be written',
    `06b51000-06b79000 rw-p 06750000 fd:01 1441801                            ${node}`,
  ],
  [
    'code that is being made',
    `06b51000-06b79000 rwxp 06750000 fd:01 1441801                            ${node}`,
  ],
  [
    'memory that is shared',
    `7fe508000000-7fe508100000 r--s 00000000 fd:01 1441801                     ${node}`,
  ],
  [
    'a file of somebody else',
    '7fe508000000-7fe508100000 r-xp 00000000 fd:01 77                        /usr/lib/libc.so.6',
  ],
  [
    'a release beside this one',
    `7fe508000000-7fe508100000 r-xp 00000000 fd:01 77                        ${program}2/bin/node`,
  ],
])('never %s', (_what, head) => {
  expect(filePages(mapping(head, 4000, 0), program)).toEqual([]);
});

test('never a mapping of which a page was written, or of which that is not said', () => {
  expect(filePages(mapping(text, 4000, 4), program)).toEqual([]);
  expect(filePages(mapping(text, 4000, undefined), program)).toEqual([]);
  expect(filePages(mapping(text, 0, 0), program)).toEqual([]);
});

test('a text that is something else, or cut', () => {
  expect(filePages('', program)).toEqual([]);
  expect(filePages('no maps\nRss: 12 kB\n', program)).toEqual([]);
  expect(filePages(mapping(text, 31696, 0).slice(0, 150), program)).toEqual([]);
});
