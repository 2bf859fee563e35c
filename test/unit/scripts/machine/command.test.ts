// A command that fails says which, how, and the end of what it printed.
import { expect, test } from 'vitest';
import { CommandError, run } from '../../../../scripts/machine/command.ts';

test('a failing command throws with its last words', async () => {
  const failed = run('sh', ['-c', 'seq 1 100; echo wrong >&2; exit 3']);
  await expect(failed).rejects.toThrow(CommandError);
  await expect(failed).rejects.toThrow(/exit code 3\nwrong$/);
});

test('a command that is not there is a failure, not a surprise', async () => {
  await expect(run('no-such-command-here', [])).rejects.toThrow(CommandError);
  expect(await run('no-such-command-here', [], { allowFailure: true })).toMatchObject({ exitCode: null });
});

test('a command that takes too long is ended', async () => {
  const result = await run('sleep', ['60'], { timeoutMs: 100, allowFailure: true });
  expect(result).toMatchObject({ exitCode: null, timedOut: true });
});

test('lines are heard as they come, and returned as well', async () => {
  const heard: string[] = [];
  const result = await run('sh', ['-c', 'echo one; echo two >&2'], {
    onLine: (line, stream) => heard.push(`${stream} ${line}`),
  });
  expect(result).toMatchObject({ exitCode: 0, stdout: 'one\n', stderr: 'two\n' });
  expect(heard.sort()).toEqual(['stderr two', 'stdout one']);
});

test('a clean environment holds nothing of ours', async () => {
  const result = await run('env', [], {
    environment: { A: 'b', PATH: '/usr/bin:/bin' },
    cleanEnvironment: true,
  });
  expect(result.stdout.trim().split('\n').sort()).toEqual(['A=b', 'PATH=/usr/bin:/bin']);
});
