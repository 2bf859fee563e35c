// The gateway's unit: what systemd makes of it, and that its flags are those of the program.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const file = 'systemd/regnode-gateway.service';
const unit = readFileSync(file, 'utf8');
const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];
const hasSystemd = existsSync('/usr/bin/systemd-analyze');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-unit-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('every flag that it gives is one of serve', () => {
  const help = execFileSync('node', ['gateway/main.ts', 'serve', '--help'], { encoding: 'utf8' });
  const flags = value('ExecStart')?.match(/--[a-z-]+/g) ?? [];
  expect(flags.length).toBeGreaterThan(0);
  for (const flag of flags) expect(help).toContain(`  ${flag} `);
});

test('V8 may make code; a stop has the time that a drain takes; a wrong configuration is not tried again', () => {
  expect(value('MemoryDenyWriteExecute')).toBeUndefined();
  expect(Number(value('TimeoutStopSec'))).toBeGreaterThanOrEqual(30);
  expect(value('Restart')).toBe('always');
  expect(value('RestartPreventExitStatus')).toBe('2');
});

test.runIf(hasSystemd)('systemd understands every line', async () => {
  // It wants to see the program that it would start.
  const there = join(folder, 'regnode-gateway.service');
  await writeFile(there, unit.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
  const said = execFileSync('sh', ['-c', 'exec systemd-analyze verify --man=no "$0" 2>&1', there], {
    encoding: 'utf8',
  });
  // Of this unit: what the machine's own units have, is theirs.
  expect(said.split('\n').filter((line) => line.includes('regnode-gateway'))).toEqual([]);
});

test.runIf(hasSystemd)('exposure is 1.6 at most', () => {
  const args = ['security', '--offline=true', '--no-pager', '--threshold=16', file];
  const said = execFileSync('systemd-analyze', args, { encoding: 'utf8' });
  expect(said).toMatch(/Overall exposure level for regnode-gateway\.service: [01]\.\d/);
});
