// The archive is made of joined gzip members and is the same for the same content.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packMember, packTarball } from '../../../../scripts/build/tarball.ts';
import { silentProgress } from '../../../../scripts/machine/progress.ts';

let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'regnode-tarball-'));
  for (const half of ['runtime', 'program']) mkdirSync(join(folder, half, 'bin'), { recursive: true });
  writeFileSync(join(folder, 'runtime/bin/node'), 'node');
  writeFileSync(join(folder, 'program/bin/regnode'), '#!/bin/sh\n');
  symlinkSync('regnode', join(folder, 'program/bin/link'));
  chmodSync(join(folder, 'program/bin/regnode'), 0o775);
  mkdirSync(join(folder, 'cache'));
  writeFileSync(join(folder, 'cache/runtime.tar.gz'), await packMember(join(folder, 'runtime')));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function pack(): Promise<string> {
  const payload = {
    out: folder,
    entry: '',
    version: '1.2.3',
    runtime: join(folder, 'cache'),
    program: join(folder, 'program'),
  };
  return packTarball(payload, silentProgress);
}

test('tar and gzip read it as one archive', async () => {
  const file = await pack();
  expect(file).toBe(join(folder, 'regnode-1.2.3-linux-amd64.tar.gz'));
  execFileSync('gzip', ['--test', file]);
  const listed = execFileSync('tar', ['-tvzf', file, '--numeric-owner'], { encoding: 'utf8' });
  const rows = listed
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' '));
  expect(rows).toContain('-rw-r--r-- 0/0 4 1970-01-01 00:00 ./bin/node');
  expect(rows).toContain('-rwxr-xr-x 0/0 10 1970-01-01 00:00 ./bin/regnode');
  expect(rows.some((row) => /^l.* \.\/bin\/link -> regnode$/.test(row))).toBe(true);
});

test('other times and modes of the group change nothing; another byte does', async () => {
  const first = readFileSync(await pack());
  utimesSync(join(folder, 'program/bin/regnode'), 1, 1);
  chmodSync(join(folder, 'program/bin/regnode'), 0o700);
  expect(readFileSync(await pack()).equals(first)).toBe(true);
  writeFileSync(join(folder, 'program/bin/regnode'), '#!/bin/sh -e');
  expect(readFileSync(await pack()).equals(first)).toBe(false);
});
