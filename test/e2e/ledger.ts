// Says at the end of each e2e file where its time went, for the table that the suite prints; the last thing
// of a file, after whatever it takes down itself.
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { spending } from '../../scripts/sandbox/ledger.ts';

const folder = process.env.REGNODE_SUITE_LEDGER;

afterAll(async () => {
  const { testPath } = expect.getState();
  if (folder === undefined || testPath === undefined) return;
  const file = basename(testPath, '.test.ts');
  const row = { ...(await spending()), file, load: loadavg()[0] ?? 0 };
  await writeFile(join(folder, `${file}.json`), JSON.stringify(row));
});
