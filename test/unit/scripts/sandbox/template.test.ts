import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { forgetTemplates } from '../../../../scripts/sandbox/template.ts';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'regnode-template-'));
  vi.stubEnv('REGNODE_CACHE', cache);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(cache, { recursive: true, force: true });
});

async function template(name: string, ageMinutes: number): Promise<void> {
  const place = join(cache, 'sandbox-template', name);
  await mkdir(join(place, 'cloud'), { recursive: true });
  const at = new Date(Date.now() - ageMinutes * 60_000);
  await utimes(place, at, at);
}
const kept = async () => (await readdir(join(cache, 'sandbox-template'))).sort();

test('four are kept, and any that somebody may be copying', async () => {
  for (const [index, age] of [200, 180, 160, 140, 120, 100].entries()) await template(`joined-${index}`, age);
  await forgetTemplates();
  expect(await kept()).toEqual(['joined-2', 'joined-3', 'joined-4', 'joined-5']);
  for (let index = 6; index < 11; index++) await template(`joined-${index}`, 5);
  await forgetTemplates();
  expect(await kept()).toEqual(['joined-10', 'joined-6', 'joined-7', 'joined-8', 'joined-9']);
});

test('what a killed run left half made goes, what another makes stays', async () => {
  const { pid } = spawnSync('true');
  await template(`.cluster-1.staging-${pid}`, 0);
  await template(`.cluster-2.staging-${process.pid}`, 0);
  await forgetTemplates();
  expect(await kept()).toEqual([`.cluster-2.staging-${process.pid}`]);
});

test('where there is none, nothing is to do', async () => {
  await forgetTemplates();
  expect(await readdir(cache)).toEqual([]);
});
