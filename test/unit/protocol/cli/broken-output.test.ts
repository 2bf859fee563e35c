// Both programs as they are, started for real: their output goes to a device that is full,
// or to a reader that has gone.
import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

const programs = [
  ['regnode', 'agent/main.ts explain TOKEN_INVALID'],
  ['regnodectl', 'gateway/regnodectl.ts completion bash'],
  ['regnode-gateway', 'gateway/main.ts version'],
] as const;
const shell = (line: string, language = 'en') =>
  spawnSync('bash', ['-c', line], {
    encoding: 'utf8',
    env: { ...process.env, NODE: process.execPath, REGNODE_LANG: language },
  });

test.each(programs)('%s: a full disk is one line, a remedy and exit code 1', (_name, command) => {
  const { status, stderr } = shell(`exec "$NODE" ${command} >/dev/full`);
  expect(stderr).toMatch(/^\[fail\] OUTPUT_FAILED: .*ENOSPC.*\n {7}→ .*\n$/);
  expect(status).toBe(1);
  expect(shell(`exec "$NODE" ${command} >/dev/full`, 'zh').stderr).toMatch(
    /^\[fail\] OUTPUT_FAILED: 无法写入/,
  );
});

test.each(programs)('%s: both full: only the exit code is left', (_name, command) => {
  expect(shell(`exec "$NODE" ${command} >/dev/full 2>&1`).status).toBe(1);
});

test.each(programs)('%s: a reader that has gone is no failure', (_name, command) => {
  const { stdout, stderr } = shell(`"$NODE" ${command} | :; echo "\${PIPESTATUS[0]}"`);
  expect(stderr).toBe('');
  expect(stdout).toBe('0\n');
});

test.each(programs)('%s: without any of it nothing changes', (_name, command) => {
  const said = execFileSync(process.execPath, command.split(' '), { encoding: 'utf8' });
  expect(said.length).toBeGreaterThan(3);
});
