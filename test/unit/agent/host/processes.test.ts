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
