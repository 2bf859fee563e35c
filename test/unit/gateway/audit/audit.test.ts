// The audit trail in a real file: one JSON line each, nobody else may read it, and it goes on
// in a new file after rotation.
import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAudit } from '../../../../gateway/audit/audit.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-audit-'));
});
afterEach(() => rm(folder, { recursive: true }));

const lines = async (path: string) =>
  (await readFile(path, 'utf8').catch(() => ''))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as object);

test('one line for each record, with its time; only root reads it', async () => {
  const path = join(folder, 'deep', 'audit.log');
  const audit = openAudit(path, () => 0);
  audit.record({ event: 'join', outcome: 'refused', detail: 'a\nb' });
  audit.record({ event: 'drain' });
  audit.close();
  await expect
    .poll(() => lines(path))
    .toEqual([
      { time: '1970-01-01T00:00:00.000Z', event: 'join', outcome: 'refused', detail: 'a\nb' },
      { time: '1970-01-01T00:00:00.000Z', event: 'drain' },
    ]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('after a rotation it goes on in a new file, and nothing is lost', async () => {
  const path = join(folder, 'audit.log');
  const audit = openAudit(path, () => 0);
  audit.record({ event: 'before' });
  await expect.poll(() => lines(path)).toHaveLength(1);
  await rename(path, `${path}.1`);
  audit.reopen();
  await expect
    .poll(() =>
      stat(path).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  audit.record({ event: 'after' });
  audit.close();
  await expect.poll(() => lines(path)).toMatchObject([{ event: 'after' }]);
  expect(await lines(`${path}.1`)).toMatchObject([{ event: 'before' }]);
});
