// Child processes: every way in which one can end is a result.
import { expect, test } from 'vitest';
import { systemProcesses } from '../../../../agent/host/processes.ts';

const node = process.execPath;

test.each([
  ['exits', ['-e', 'process.exit(3)'], {}, { exitCode: 3, outcome: 'exited' }],
  ['prints', ['-e', 'console.log(process.env.LC_ALL)'], {}, { exitCode: 0, stdout: 'C\n', truncated: false }],
  [
    'hangs',
    ['-e', 'setInterval(() => {}, 1000)'],
    { timeoutMs: 200 },
    { exitCode: null, outcome: 'timed-out' },
  ],
  ['is killed', ['-e', 'process.kill(process.pid, "SIGKILL")'], {}, { exitCode: null, outcome: 'signalled' }],
  [
    'never stops printing',
    ['-e', 'for (;;) require("fs").writeSync(1, "x".repeat(999))'],
    { outputLimitBytes: 1000 },
    { truncated: true, stdout: 'x'.repeat(1000) },
  ],
] as const)('a command that %s', async (_, args, options, expected) => {
  expect(await systemProcesses.run(node, args, options)).toMatchObject(expected);
});

test('of too much, the last whole lines are kept where they matter', async () => {
  const script = 'for (let line = 1; line <= 20000; line++) console.log("line " + line)';
  const options = { outputLimitBytes: 100_000, keepsEnd: true };
  const result = await systemProcesses.run(node, ['-e', script], options);
  expect(result).toMatchObject({ exitCode: 0, truncated: true });
  const lines = result.stdout.split('\n');
  expect(lines.slice(-2)).toEqual(['line 20000', '']);
  expect(lines[0]).toBe(`line ${20_000 - lines.length + 2}`);
  expect(result.stdout.length).toBeGreaterThan(10_000);
  expect(result.stdout.length).toBeLessThanOrEqual(100_000);
});

test('a command that left something behind which holds its output: its time limit holds all the same', async () => {
  const began = performance.now();
  const result = await systemProcesses.run('sh', ['-c', 'sleep 20 & echo gone'], { timeoutMs: 500 });
  expect(result).toMatchObject({ outcome: 'timed-out', stdout: 'gone\n' });
  expect(performance.now() - began).toBeLessThan(15_000);
});

test('a signal ends it, also one that came before', async () => {
  const later = new AbortController();
  setTimeout(() => later.abort(), 100);
  for (const signal of [later.signal, AbortSignal.abort()]) {
    const result = await systemProcesses.run('sleep', ['20'], { signal });
    expect(result).toMatchObject({ exitCode: null, outcome: 'signalled' });
  }
});

test('a call of ours that can’t work is thrown', async () => {
  await expect(async () => systemProcesses.run('true', ['\0'])).rejects.toThrow();
});

test('a command that is not there', async () => {
  expect(await systemProcesses.run('regnode-no-such-command', [])).toMatchObject({
    exitCode: null,
    outcome: 'not-found',
  });
});

test('standard input is given, or empty', async () => {
  expect((await systemProcesses.run('cat', [], { input: 'abc' })).stdout).toBe('abc');
  expect((await systemProcesses.run('cat', [])).stdout).toBe('');
});
