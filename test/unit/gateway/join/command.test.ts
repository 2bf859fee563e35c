// The join command itself, run by real shells with a real curl against a real gateway port: nothing runs but
// the very script whose hash is in the line, the token is in no process's arguments, nothing is left behind,
// and a refusal is one line with a code.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { joinCommand } from '../../../../gateway/join/command.ts';
import { answerText } from '../../../../gateway/port/answer.ts';
import { catalogue } from '../../../../protocol/catalogue/index.ts';
import { installerLimitBytes, sha256Hex } from '../../../../protocol/messages/manifest.ts';
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
exit "\${EXIT:-0}"
`;
const installerSha256 = sha256Hex(installer);

let gateway: TestPort;
let out: string;
/** What the gateway answers at the script's address. */
let served: Buffer | string | undefined;
let asked: string[];

const openGateway = () =>
  openTestPort(() => [
    {
      methods: ['GET'],
      path: '/artifacts/',
      access: 'anybody',
      run: ({ response, path }) => {
        asked.push(path);
        if (served === undefined) response.writeHead(404).end('nothing here\n');
        else answerText(response, 'text/plain', served);
      },
    },
  ]);

beforeEach(async () => {
  served = installer;
  asked = [];
  gateway = await openGateway();
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
    installerSha256,
    manifestSerial: 17,
    token,
    ...change,
  });

/** As pasted: the shell reads the line from its standard input. */
const paste = (line: string, environment: Record<string, string> = {}, shell = 'bash') =>
  execa(shell, [], {
    input: `${line}\n`,
    reject: false,
    timeout: 20_000,
    extendEnv: false,
    env: { PATH: '/usr/bin:/bin', HOME: out, TMPDIR: out, OUT: out, no_proxy: '*', ...environment },
  });

const shells = ['bash', 'dash', 'zsh', 'tcsh', 'fish', 'ksh'].filter((name) =>
  existsSync(`/usr/bin/${name}`),
);

describe.each(shells)('%s: with the right script', (shell) => {
  test('it runs with the flags and the token, and others can be added behind', async () => {
    const result = await paste(`${command({ nodeName: 'idc-1' })} -- --ignore SWAP_ON`, {}, shell);
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await readFile(joinPath(out, 'token'), 'utf8')).toBe(token);
    const flags = (await readFile(joinPath(out, 'flags'), 'utf8')).split('\n');
    expect(flags).toEqual([
      ...['--gateway', gateway.url, '--ca-sha256', gateway.authority.caSha256],
      ...['--artifact-key-sha256', artifactKeySha256, '--manifest-serial', '17', '--name', 'idc-1'],
      ...['--', '--ignore', 'SWAP_ON', ''],
    ]);
    expect(asked).toEqual([`/artifacts/${installerSha256}.sh`]);
  });

  test('the token is in the arguments of no process', async () => {
    await paste(command(), {}, shell);
    const seen = await readFile(joinPath(out, 'arguments'), 'utf8');
    expect(seen).toContain('bash -s -- --gateway');
    expect(seen).not.toContain('s3cr3t');
  });

  test('the exit code is that of the installer, and nothing else is left', async () => {
    expect((await paste(command(), { EXIT: '3' }, shell)).exitCode).toBe(3);
    expect((await readdir(out)).sort()).toEqual(['arguments', 'flags', 'token']);
  });

  test.each(['en', 'zh'] as const)('another script is not run, in a line made in %s', async (language) => {
    served = `${installer}: \n`;
    const result = await paste(command({ language }), { LANG: 'C' }, shell);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(/^\[fail\] INSTALLER_NOT_VERIFIED: .+$/);
    expect(await readdir(out)).toEqual([]);
  });
});

describe('nothing runs', () => {
  /** One line: the code, what it is about, the remedy. */
  const nothingRan = async (
    line: string,
    environment: Record<string, string> = {},
    language: 'en' | 'zh' = 'en',
  ) => {
    const result = await paste(line, environment);
    const { message, remedy } = catalogue.INSTALLER_NOT_VERIFIED[language];
    const said = `${message} ${remedy}`.replaceAll('{url}', gateway.url);
    // Where this machine lacks a locale, its bash says so first.
    const lines = result.stderr.split('\n').filter((line) => !line.startsWith('bash: warning: setlocale'));
    expect(lines).toEqual([`[fail] INSTALLER_NOT_VERIFIED: ${said}`]);
    expect(result.stdout).toBe('');
    expect(result.exitCode).toBe(1);
    expect(await readdir(out)).toEqual([]);
  };

  test.each([
    ['of which one letter is another', installer.replace('set', 'sEt')],
    ['with something behind it', `${installer}touch "$OUT/evil"\n`],
    ['that is cut off', installer.slice(0, 100)],
    ['without its last line break', `${installer.trimEnd()} # `],
    ['that is empty', ''],
    ['that is no text', Buffer.from([1, 2, 3, 0xff, 0xfe])],
  ])('of a script %s', async (_name, bytes) => {
    served = bytes;
    await nothingRan(command());
  });

  test('of a script without end', async () => {
    served = Buffer.concat([Buffer.from(installer), Buffer.alloc(4 * installerLimitBytes, '#')]);
    await nothingRan(command());
  });

  test('when the gateway has another script now, and no more the one of the command', async () => {
    served = undefined;
    await nothingRan(command());
  });

  test('when nobody is there', async () => {
    const line = command();
    await gateway.port.close(0);
    await nothingRan(line);
  });

  test('also when the line stands in a condition, where "set -e" would mean nothing', async () => {
    served = 'touch "$OUT/evil"\n';
    const result = await paste(`if ${command()}; then :; else exit 9; fi`);
    expect(result.exitCode).toBe(9);
    expect(await readdir(out)).toEqual([]);
  });

  test.each([
    ['REGNODE_LANG', 'zh'],
    ['LC_ALL', 'zh_CN.UTF-8'],
    ['LANG', 'zh_CN.UTF-8'],
  ])('and says so in Chinese where %s is %s, when the command was made in Chinese', async (name, value) => {
    served = 'evil\n';
    await nothingRan(command({ language: 'zh' }), { [name]: value }, 'zh');
    await nothingRan(command({ language: 'zh' }), { [name]: value, REGNODE_LANG: 'en' });
    await nothingRan(command(), { [name]: value });
    // Where it could not be read.
    await nothingRan(command({ language: 'zh' }), { LANG: 'zh_CN.GB18030' });
  });

  test('of a line of which only the beginning was pasted', async () => {
    for (const line of [command().slice(0, 200), command().slice(0, 500)]) {
      await paste(line);
      expect(await readdir(out)).toEqual([]);
    }
    expect(asked).toEqual([]);
  });
});

test.each([
  ['gatewayUrl', 'http://gateway'],
  ['gatewayUrl', 'https://gateway/$(reboot)'],
  ['gatewayUrl', 'https://gateway; reboot'],
  ['caSha256', '`reboot`'],
  ['artifactKeySha256', '`reboot`'],
  ['installerSha256', '`reboot`'],
  ['manifestSerial', Number.NaN],
  ['manifestSerial', 1e300],
  ['nodeName', 'a; reboot'],
])('%s can inject nothing into the line: %s', (name, value) => {
  expect(() => command({ [name]: value })).toThrow();
});

test.each([
  ['en', 780],
  ['zh', 1400],
] as const)('one line of plain ASCII, and short: %s', (language, most) => {
  expect(command({ language })).toMatch(/^[\x20-\x7e]+$/);
  expect(command({ language }).length).toBeLessThan(most);
});
