// What install.sh refuses, and how: the code, one line, the remedy, the exit code;
// and nothing is left behind.
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isFaultCode } from '../../../protocol/catalogue/fault.ts';
import { catalogue } from '../../../protocol/catalogue/index.ts';
import { type FakeGateway, sha256, startGateway } from './gateway.ts';
import { install, isRoot, type Outcome, temporaryFolder } from './installation.ts';
import { makePayload } from './payload.ts';

let gateway: FakeGateway;
let root: string;
let caFile: string;
const archive = makePayload('1.0.0');
const trusted = ['--ca-sha256', 'b'.repeat(64), '--artifact-key-sha256', 'c'.repeat(64)];

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  root = temporaryFolder();
  caFile = join(root, 'ca.pem');
  writeFileSync(caFile, gateway.caPem);
  gateway.requests.length = 0;
  gateway.offer('1.0.0', archive);
});
afterEach(() => rmSync(root, { recursive: true }));

function flags(...more: string[]): string[] {
  const trust = ['--ca-file', caFile, '--artifact-key-sha256', gateway.artifactKey.id];
  return ['--root', join(root, 'host'), '--gateway', gateway.url, ...trust, ...more];
}

/** One error, with the code, its remedy and the exit code that the agent would give too; and no files. */
function expectRefused(outcome: Outcome, code: string, exitCode: number): void {
  expect(outcome.stderr).toMatch(new RegExp(`^\\[fail\\] ${code}: .+\\n {7}→ .+$`, 'm'));
  expect(outcome.exitCode).toBe(exitCode);
  if (isFaultCode(code)) expect(catalogue[code].exitCode).toBe(exitCode);
  const host = join(root, 'host');
  expect(readdirSync(root).includes('host') ? readdirSync(host) : []).toEqual(
    readdirSync(root).includes('host') ? ['run'] : [],
  );
}

describe.each(['dash', 'bash'])('%s: wrong usage', (shell) => {
  test.each([
    ['an unknown flag', ['--wat'], 'unknown argument: --wat'],
    ['a flag without its value', ['--gateway'], '--gateway needs a value'],
    ['no gateway', ['--no-join'], '--gateway URL is missing'],
    ['plain http', ['--gateway', 'http://127.0.0.1', '--no-join'], '--gateway must be https://'],
    ['a gateway with a path', ['--gateway', 'https://a/b', '--no-join'], '--gateway must be https://'],
    [
      'a gateway with a command in it',
      ['--gateway', 'https://$(id)', '--no-join'],
      '--gateway must be https://',
    ],
    ['no CA', ['--gateway', 'https://a', '--no-join'], 'one of --ca-file and --ca-sha256'],
    ['a hash that is none', ['--gateway', 'https://a', '--ca-sha256', 'beef', '--no-join'], '64 hexadecimal'],
    ['no token', ['--gateway', 'https://a', ...trusted], 'the join token is missing'],
    [
      'a CA file that is not there',
      ['--gateway', 'https://a', '--ca-file', '/none', '--no-join', ...trusted.slice(2)],
      '/none cannot be read',
    ],
    [
      'a mirror that is none',
      ['--gateway', 'https://a', ...trusted, '--no-join', '--mirror', 'x'],
      '--mirror must be',
    ],
    [
      'a mirror without address',
      ['--gateway', 'https://a', ...trusted, '--no-join', '--mirror', 'cn'],
      'REGNODE_MIRROR_CN',
    ],
    [
      'no hash of the artifact key',
      ['--gateway', 'https://a', '--ca-sha256', 'b'.repeat(64), '--no-join'],
      '--artifact-key-sha256 with 64',
    ],
    [
      'a serial that is none',
      ['--gateway', 'https://a', ...trusted, '--no-join', '--manifest-serial', '1;id'],
      '--manifest-serial must be a number',
    ],
    ['a language that it lacks', ['--language', 'fr'], '--language is en or zh'],
    ['a relative root', ['--root', 'x'], '--root must be an absolute path'],
  ])('%s', async (_name, args, message) => {
    const outcome = await install(args, { shell });
    expect(outcome.stderr).toContain(message);
    expectRefused(outcome, 'USAGE', 2);
  });
});

test.each([
  ['--mirror', ['--mirror', 'https://u:s3cret@m.test/a'], {}],
  ['--mirror', ['--mirror', 'http://m.test', '--mirror', 'https://s3cret@m.test'], {}],
  ['--mirror', ['--mirror', 'cn'], { REGNODE_MIRROR_CN: 'https://u:s3cret@m.test' }],
  ['--gateway', ['--gateway', 'https://u:s3cret@a'], {}],
])(
  'a user or a password in the URL of %s is refused, and not told again: %j',
  async (flag, args, environment) => {
    const usual = ['--gateway', 'https://a', ...trusted, '--no-join'];
    for (const [language, said] of [
      ['en', `The URL of ${flag} holds a user or a password.`],
      ['zh', `${flag} 的 URL 中含有用户名或密码。`],
    ] as const) {
      const outcome = await install([...usual, ...args, '--language', language], { environment });
      expectRefused(outcome, 'URL_CREDENTIAL', 2);
      expect(outcome.stderr).toContain(said);
      expect(outcome.stderr + outcome.stdout).not.toContain('s3cret');
    }
  },
);

test('not root', async () => {
  const args = ['--gateway', gateway.url, ...trusted, '--no-join'];
  expectRefused(await install(args, isRoot ? { uid: 65534 } : {}), 'NOT_ROOT', 2);
});

test.each([
  ['LC_ALL', 'zh_CN.UTF-8'],
  ['REGNODE_LANG', 'zh'],
])('in Chinese, by %s=%s', async (name, value) => {
  const outcome = await install(['--no-join'], { environment: { [name]: value } });
  expect(outcome.stderr).toMatch(/^\[fail\] USAGE: .*缺少.+。\n {7}→ 请查看.+$/);
  expect(outcome.exitCode).toBe(2);
});

test('in English, where Chinese could not be read', async () => {
  const outcome = await install(['--no-join'], { environment: { LC_ALL: 'zh_CN.GB18030' } });
  expect(outcome.stderr).toMatch(/^\[fail\] USAGE: [\x20-\x7e]+\n {7}→ See: /);
});

test('missing tools are all named at once', async () => {
  const tools = join(root, 'tools');
  mkdirSync(tools);
  for (const tool of ['uname', 'tr', 'id', 'date', 'rm', 'dirname', 'rmdir', 'dash']) {
    symlinkSync(`/usr/bin/${tool}`, join(tools, tool));
  }
  const outcome = await install(flags(), { environment: { PATH: tools }, shell: '/usr/bin/dash' });
  expect(outcome.stderr).toMatch(/These programs are missing:.* tar gzip base64 openssl .*flock/);
  expect(outcome.exitCode).toBe(1);
});

describe('the gateway', () => {
  test('is not there', async () => {
    const gone = flags();
    gone[gone.indexOf(gateway.url)] = 'https://127.0.0.1:1';
    expectRefused(await install(gone), 'GATEWAY_UNREACHABLE', 5);
  }, 20_000);

  test('has a certificate of another CA', async () => {
    const other = await startGateway();
    try {
      writeFileSync(caFile, other.caPem);
      expectRefused(await install(flags()), 'GATEWAY_NOT_TRUSTED', 1);
    } finally {
      await other.close();
    }
  });

  test('gives another CA than the one whose hash was given', async () => {
    const args = flags('--ca-sha256', sha256('another'));
    args.splice(args.indexOf('--ca-file'), 2);
    expectRefused(await install(args), 'GATEWAY_NOT_TRUSTED', 1);
    expect(gateway.requests.at(-1)).toBe('GET /cacert');
  });

  test('has no manifest', async () => {
    gateway.answers.delete('/artifacts/manifest.json');
    expectRefused(await install(flags()), 'MANIFEST_NOT_TRUSTED', 1);
  });

  test('has no agent for this architecture', async () => {
    gateway.offer('1.0.0', archive, { architecture: 'riscv' });
    expectRefused(await install(flags()), 'ARTIFACT_MISSING', 1);
  });

  test.each([
    ['version', '../../etc'],
    ['version', '1.0.0;id'],
    ['path', '/artifacts/../../etc/passwd'],
    ['path', '/artifacts/.hidden'],
    ['path', 'https://elsewhere/x'],
    ['sha256', 'A'.repeat(64)],
    ['sha256', 'a'.repeat(63)],
    ['sizeBytes', -1],
    ['sizeBytes', 1e15],
    ['sizeBytes', '1$(id)'],
  ])('names an agent whose %s is %s', async (field, value) => {
    gateway.offer('1.0.0', archive, { [field]: value });
    const outcome = await install(flags());
    expect(outcome.stderr).toMatch(/^\[fail\] (?:PEER_ANSWER_UNKNOWN|ARTIFACT_MISSING): /m);
    expect(outcome.exitCode).toBe(1);
    expect(gateway.archiveRequests()).toEqual([]);
  });

  test('names nothing', async () => {
    gateway.publish([]);
    expectRefused(await install(flags()), 'ARTIFACT_MISSING', 1);
  });
});
