// The pasted line itself, on a real host: whatever is wrong with its token, its CA, its script or who runs it
// is one line with a code and a remedy, before anything is downloaded, and the host stays as it was. Then it
// joins, from a shell whose environment would change the ways of programs, and the program lives with outputs
// that cannot be written and with a sudo that looks in few places.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CommandResult } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  pasteJoinCommand,
  regnodectl,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { difference, type Observation, observe } from './observation.ts';
import { expectRefusal as expectRefusalOf } from './refusal.ts';

let sandbox: Sandbox;
let host: SandboxHost;
let before: Observation;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-join-line' });
  host = await sandbox.addHost({ name: 'idc-1' });
  // As RHEL's sudo is set up: /usr/local/bin is not among the places.
  await host.run('sh', [
    '-c',
    'echo "Defaults    secure_path = /sbin:/bin:/usr/sbin:/usr/bin" > /etc/sudoers',
  ]);
  before = await observe(host);
});
afterAll(() => sandbox?.stop());

const expectRefusal = (result: CommandResult, code: string, exitCode: number) =>
  expectRefusalOf({ host, before }, result, code, exitCode);

/** The same command with another token in it. */
const withToken = (command: string, token: string) => command.replace(/rt-[a-z0-9]{6}\.[a-z0-9]{32}/, token);

test('a token that nobody made', async () => {
  const command = withToken(await createJoinCommand(sandbox), `rt-aaaaaa.${'b'.repeat(32)}`);
  await expectRefusal(await pasteJoinCommand(host, command), 'TOKEN_INVALID', 1);
});

test('the right id with the wrong secret', async () => {
  const command = await createJoinCommand(sandbox);
  const id = /rt-([a-z0-9]{6})\./.exec(command)?.[1];
  await expectRefusal(
    await pasteJoinCommand(host, withToken(command, `rt-${id}.${'b'.repeat(32)}`)),
    'TOKEN_INVALID',
    1,
  );
});

test('an expired token', async () => {
  const command = await createJoinCommand(sandbox, ['--ttl', '1s']);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // the token's own life
  await expectRefusal(await pasteJoinCommand(host, command), 'TOKEN_EXPIRED', 1);
});

test('a revoked token', async () => {
  const command = await createJoinCommand(sandbox);
  const id = /rt-([a-z0-9]{6})\./.exec(command)?.[1] ?? '';
  await regnodectl(sandbox, ['token', 'revoke', id]);
  await expectRefusal(await pasteJoinCommand(host, command), 'TOKEN_INVALID', 1);
});

test('not root', async () => {
  const command = await createJoinCommand(sandbox);
  const result = await host.run(
    'setpriv',
    ['--reuid=65534', '--regid=65534', '--clear-groups', 'bash', '-s'],
    {
      input: `${command}\n`,
    },
  );
  await expectRefusal(result, 'NOT_ROOT', 2);
});

test('a gateway that is not there', async () => {
  const command = await createJoinCommand(sandbox);
  await host.cutLink();
  let result: CommandResult;
  try {
    result = await pasteJoinCommand(host, command);
  } finally {
    await host.restoreLink();
  }
  await expectRefusal(result, 'INSTALLER_NOT_VERIFIED', 1);
});

test('somebody on the path with a CA of their own', async () => {
  const command = (await createJoinCommand(sandbox)).replace(/(--ca-sha256 )\w+/, `$1${'f'.repeat(64)}`);
  await expectRefusal(await pasteJoinCommand(host, command), 'GATEWAY_NOT_TRUSTED', 1);
});

test('another script than the one that the command names', async () => {
  const command = (await createJoinCommand(sandbox)).replace(/h=\w+/, `h=${'f'.repeat(64)}`);
  await expectRefusal(await pasteJoinCommand(host, command), 'INSTALLER_NOT_VERIFIED', 1);
});

test('a token that was not copied whole', async () => {
  const command = withToken(await createJoinCommand(sandbox), 'rt-aaaaaa.bbbb');
  const result = await pasteJoinCommand(host, command);
  expect(result.stderr).toContain('The join token is not whole: it has 14 characters');
  await expectRefusal(result, 'TOKEN_INVALID', 1);
});

test('a CA that was cut while it was copied', async () => {
  const { stdout: ca } = await host.run('curl', ['-sk', `${sandbox.cloud.gatewayUrl}/cacert`]);
  await host.run('sh', ['-c', 'cat > /root/cut.pem'], { input: ca.slice(0, ca.length / 2) });
  const command = (await createJoinCommand(sandbox)).replace(/--ca-sha256 \w+/, '--ca-file /root/cut.pem');
  const result = await pasteJoinCommand(host, command);
  expect(result.stderr).toContain('it holds no whole certificate in PEM');
  await expectRefusal(result, 'CONFIGURATION_INVALID', 2);
});

test('none of them was told by thirty lines of preflight', async () => {
  const command = withToken(await createJoinCommand(sandbox), `rt-aaaaaa.${'b'.repeat(32)}`);
  const { stderr } = await pasteJoinCommand(host, command);
  expect(stderr.trim().split('\n')).toHaveLength(2);
  expect(await regnodectl(sandbox, ['node', 'list'])).not.toContain('idc-1');
});

/** What a shell in the field may carry; each broke something once. */
const strange = {
  NODE_OPTIONS: '--require /nowhere.js',
  TMPDIR: '/nowhere',
  LC_ALL: 'zh_CN.GB18030',
  CURL_HOME: '/nowhere',
  GREP_OPTIONS: '--color=always',
  POSIXLY_CORRECT: '1',
};

test('from dash, with an environment that changes the ways of programs, it joins', async () => {
  const input = `${await createJoinCommand(sandbox)}\n`;
  const joined = await host.run('dash', ['-s'], { input, timeoutMs: 300_000, environment: strange });
  expect(joined, joined.stdout + joined.stderr).toMatchObject({ exitCode: 0 });
  // Chinese is for a terminal that can show it.
  expect(joined.stderr).toContain('is a Ready node of pool idc');
  await waitForReady(sandbox, 'idc-1');
});

test('the program is found by a sudo with few places, and goes by nobody’s environment', async () => {
  const few = { ...strange, PATH: '/sbin:/bin:/usr/sbin:/usr/bin' };
  const status = await host.run('regnode', ['status'], { environment: few });
  expect(status, status.stdout + status.stderr).toMatchObject({ exitCode: 0, stderr: '' });
  expect(status.stdout).toMatch(/\[ok\] +cluster/);
});

test('an output that cannot be written is told in a line, and is no crash', async () => {
  for (const command of ['regnode status', 'regnode preflight', 'regnode explain TOKEN_EXPIRED']) {
    const { exitCode, stderr } = await host.run('sh', ['-c', `${command} > /dev/full`]);
    expect(exitCode, command).not.toBe(0);
    expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
    expect(stderr.trim(), command).not.toBe('');
  }
});

test('after leave and uninstall nothing of it is left, where sudo looks neither', async () => {
  const left = await host.run('regnode', ['leave', '--yes'], { timeoutMs: 180_000 });
  expect(left, left.stderr).toMatchObject({ exitCode: 0 });
  expect(await host.run('/opt/regnode/uninstall.sh', ['--purge'], { timeoutMs: 60_000 })).toMatchObject({
    exitCode: 0,
  });
  await host.run('rm', ['/root/cut.pem']);
  expect(difference(before, await observe(host))).toEqual([]);
});
