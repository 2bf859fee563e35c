// V8 takes the limit from its command line alone, so the program becomes itself with it: seen
// from outside as one process.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

const script = `
  import v8 from 'node:v8';
  import { limitYoungGeneration } from ${JSON.stringify(new URL('../../../../gateway/serve/young-generation.ts', import.meta.url).href)};
  process.stdout.write(process.pid + '\\n');
  limitYoungGeneration();
  const kept = [];
  for (let count = 0; count < 1_500_000; count += 1) kept.push({ count, of: [count] });
  const { space_size } = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  process.stdout.write(JSON.stringify({ space_size, flags: process.execArgv, rest: process.argv.slice(2), kept: kept.length }));
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-young-'));
  await writeFile(join(folder, 'program.mjs'), script);
});
afterAll(() => rm(folder, { recursive: true }));

async function run(flags: string[], environment: Record<string, string> = {}) {
  const file = join(folder, 'program.mjs');
  const { stdout, stderr } = await execa('node', [...flags, file, 'serve', '--name', 'a b'], {
    env: environment,
  });
  expect(stderr).toBe('');
  const lines = stdout.split('\n');
  const said = JSON.parse(lines.pop() ?? '') as { space_size: number; flags: string[]; rest: string[] };
  return { pids: lines, ...said };
}

test('two halves of 8 MiB, in the same process, with the same arguments', async () => {
  const { pids, space_size, flags, rest } = await run(['--no-opt']);
  expect(pids).toHaveLength(2);
  expect(pids[0]).toBe(pids[1]);
  expect(space_size).toBeLessThanOrEqual(2 * 8 * 2 ** 20);
  expect(flags).toEqual(['--no-opt', '--max-semi-space-size=8']);
  expect(rest).toEqual(['serve', '--name', 'a b']);
});

test.each([
  ['a flag', ['--max-semi-space-size=2'], {}],
  ['NODE_OPTIONS', [], { NODE_OPTIONS: '--no-warnings --max-semi-space-size=2' }],
])('what the operator says by %s stands', async (_how, flags, environment) => {
  const { pids, space_size } = await run(flags, environment);
  expect(pids).toHaveLength(1);
  expect(space_size).toBeLessThanOrEqual(2 * 2 * 2 ** 20);
});
