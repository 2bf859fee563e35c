// The join command itself, run by a real bash with a real curl against a real gateway port: nothing of the installer runs
// unless the CA is the one of the command, the token is in no process's arguments, and nothing is left behind.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { joinCommand } from '../../../../gateway/join/command.ts';
import { answerText } from '../../../../gateway/serve/answer.ts';
import { openTestPort, type TestPort } from '../port.ts';

const token = `rt-abc123.${'s3cr3t'.repeat(5)}xy`;
// It reads the arguments of every process that it descends from, as `ps` would show them.
const installer = `set -eu
pid=$$
while [ "$pid" -gt 1 ]; do
  tr '\\0' ' ' <"/proc/$pid/cmdline" >>"$OUT/arguments" || true
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
done
printf '%s' "$REGNODE_TOKEN" >"$OUT/token"
printf '%s\\n' "$@" >"$OUT/flags"
cp "$4" "$OUT/ca"
exit "\${EXIT:-0}"
`;

let gateway: TestPort;
let out: string;
let script: string;

beforeEach(async () => {
  script = installer;
  gateway = await openTestPort((authority) => [
    {
      methods: ['GET'],
      path: '/cacert',
      access: 'anybody',
      run: ({ response }) => answerText(response, 'text/plain', authority.caPem),
    },
    {
      methods: ['GET'],
      path: '/install.sh',
      access: 'anybody',
      run: ({ response }) => answerText(response, 'text/plain', script),
    },
  ]);
  out = await mkdtemp(joinPath(tmpdir(), 'regnode-command-'));
});

afterEach(async () => {
  await gateway.port.close(0);
  await rm(out, { recursive: true, force: true });
});

const artifactKeySha256 = 'c'.repeat(64);
const command = (change: Partial<Parameters<typeof joinCommand>[0]> = {}) =>
  joinCommand({
    gatewayUrl: gateway.url,
    caSha256: gateway.authority.caSha256,
    artifactKeySha256,
    token,
    ...change,
  });

/** As pasted: bash reads the line from its standard input. */
const paste = (line: string, environment: Record<string, string> = {}) =>
  execa('bash', [], {
    input: `${line}\n`,
    reject: false,
    timeout: 20_000,
    extendEnv: false,
    env: { PATH: '/usr/bin:/bin', TMPDIR: out, OUT: out, no_proxy: '*', ...environment },
  });

describe('with the right CA', () => {
  test('the installer runs with the flags, the token and the verified CA', async () => {
    const result = await paste(command({ nodeName: 'idc-1' }));
    expect(result).toMatchObject({ exitCode: 0 });
    expect(await readFile(joinPath(out, 'token'), 'utf8')).toBe(token);
    expect(await readFile(joinPath(out, 'ca'), 'utf8')).toBe(gateway.authority.caPem);
    const flags = (await readFile(joinPath(out, 'flags'), 'utf8')).split('\n');
    const trust = ['--ca-file', expect.any(String), '--artifact-key-sha256', artifactKeySha256];
    expect(flags).toEqual(['--gateway', gateway.url, ...trust, '--name', 'idc-1', '']);
  });

  test('the token is in the arguments of no process', async () => {
    await paste(command());
    const seen = await readFile(joinPath(out, 'arguments'), 'utf8');
    expect(seen).toContain('bash i --gateway');
    expect(seen).not.toContain('s3cr3t');
  });

  test('the exit code is that of the installer, and the temporary folder is gone', async () => {
    expect((await paste(command(), { EXIT: '3' })).exitCode).toBe(3);
    expect((await readdir(out)).sort()).toEqual(['arguments', 'ca', 'flags', 'token']);
  });
});

describe('nothing runs', () => {
  const nothingRan = async (line: string) => {
    const result = await paste(line);
    expect(result.exitCode).not.toBe(0);
    expect(await readdir(out)).toEqual([]);
    return result;
  };

  test('when the CA is another one: somebody is on the path', async () => {
    const result = await nothingRan(command({ caSha256: '0'.repeat(64) }));
    expect(result.stdout + result.stderr).toContain('FAILED');
  });

  test('also when the line stands in a condition, where "set -e" would mean nothing', async () => {
    await nothingRan(`if ${command({ caSha256: '0'.repeat(64) })}; then :; else exit 9; fi`);
  });

  test('when the certificate is not from that CA', async () => {
    const other = await openTestPort((authority) => [
      {
        methods: ['GET'],
        path: '/cacert',
        access: 'anybody',
        // The right CA, shown by one who has no certificate of it.
        run: ({ response }) =>
          answerText(response, 'text/plain', authority === undefined ? '' : gateway.authority.caPem),
      },
      {
        methods: ['GET'],
        path: '/install.sh',
        access: 'anybody',
        run: ({ response }) => answerText(response, 'text/plain', script),
      },
    ]);
    await nothingRan(command({ gatewayUrl: other.url }));
    await other.port.close(0);
  });

  test('when there is no installer', async () => {
    const line = command().replace('/install.sh', '/nothing.sh');
    await nothingRan(line);
  });

  test('when nobody is there', async () => {
    const line = command();
    await gateway.port.close(0);
    await nothingRan(line);
  });
});

test.each([
  ['gatewayUrl', 'http://gateway'],
  ['gatewayUrl', 'https://gateway/$(reboot)'],
  ['gatewayUrl', 'https://gateway; reboot'],
  ['caSha256', '`reboot`'],
  ['artifactKeySha256', '`reboot`'],
  ['nodeName', 'a; reboot'],
])('%s can inject nothing into the line: %s', (name, value) => {
  expect(() => command({ [name]: value })).toThrow();
});

test('one line, and short', () => {
  expect(command()).not.toContain('\n');
  expect(command().length).toBeLessThan(500);
});
