import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Row, readRows, renderRows } from '../../../../scripts/suite/spent.ts';

const row = (file: string, wallMs: number, load: number): Row => ({
  file,
  wallMs,
  load,
  activitiesMs: { cluster: 5000, gateway: 8000, hosts: 1000, join: 17_000, waits: 20_000 },
  sandboxCpuSeconds: 30,
  ownCpuSeconds: 12.4,
});

test('the longest first, what is left over, and the sum', () => {
  expect(renderRows([row('join', 60_000, 2.3), row('exec-resume', 100_000, 3)]).split('\n')).toEqual([
    'where the time of the e2e files went, in seconds:',
    '                  all cluster gateway   hosts    join   waits    rest   CPU s    load',
    '  exec-resume     100       5       8       1      17      20      49      42     3.0',
    '  join             60       5       8       1      17      20       9      42     2.3',
    '  all files       160      10      16       2      34      40      58      85',
  ]);
});

test('nothing is said of nothing', async () => {
  expect(await readRows('/nonexistent')).toEqual([]);
  expect(renderRows([])).toBe('');
});

test('each file has left a row', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'regnode-spent-'));
  try {
    await writeFile(join(folder, 'join.json'), JSON.stringify(row('join', 1, 1)));
    expect(await readRows(folder)).toEqual([row('join', 1, 1)]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
