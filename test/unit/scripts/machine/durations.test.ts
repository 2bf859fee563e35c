// What quickstart promises is what it measured last, and what it says first fits a terminal.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { hasKubernetes, rememberDuration } from '../../../../scripts/machine/durations.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rn-'));
  vi.stubEnv('REGNODE_CACHE', root);
  vi.stubEnv('REGNODE_KUBERNETES_BIN', '');
  // Ends the script where it asks for root, before it does anything.
  await mkdir(join(root, 'bin'));
  await writeFile(join(root, 'bin', 'id'), '#!/bin/sh\necho 1000\n');
  await chmod(join(root, 'bin', 'id'), 0o755);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true, force: true });
});

async function saidFirst(): Promise<string> {
  const environment = { PATH: `${join(root, 'bin')}:${process.env.PATH}` };
  const { stderr, exitCode } = await execa('bash', ['scripts/quickstart'], {
    reject: false,
    env: environment,
  });
  expect(stderr).toContain('root is needed');
  expect(exitCode).toBe(1);
  return stderr;
}

test('without a measurement a first run and a later one have a guess each', async () => {
  expect(hasKubernetes()).toBe(false);
  expect(await saidFirst()).toContain('about 8 minutes the first time');
  await mkdir(join(root, 'kubernetes', 'v1.20.2-amd64'), { recursive: true });
  expect(hasKubernetes()).toBe(true);
  expect(await saidFirst()).toContain('takes    about a minute\n');
});

test('with one it is told, of the kind of run that this will be, in 80 columns', async () => {
  vi.stubEnv('REGNODE_SETUP_SECONDS', '3600');
  await rememberDuration({ isFirst: true, hosts: 2 });
  const said = await saidFirst();
  expect(said).toMatch(/takes {4}\d{2,}:\d\d min, as the last time here \(hosts: 2\)\n/);
  expect(said.split('\n').filter((line) => line.length > 80)).toEqual([]);
  await mkdir(join(root, 'kubernetes', 'v1.20.2-amd64'), { recursive: true });
  expect(await saidFirst()).toContain('takes    about a minute\n');
  vi.stubEnv('REGNODE_SETUP_SECONDS', '0');
  await rememberDuration({ isFirst: false, hosts: 1 });
  expect(await saidFirst()).toMatch(/takes {4}\d+:\d\d min, as the last time here \(hosts: 1\)\n/);
});
