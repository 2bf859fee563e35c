// The command line as a person meets it: exit codes, one line with a remedy, both languages, JSON, no colour
// where nobody looks, and no secret anywhere.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CliContext } from '../../../../agent/cli/context.ts';
import { runProgram } from '../../../../agent/cli/program.ts';
import { paths } from '../../../../agent/config/paths.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { agentVersion } from '../../../../agent/version.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { snapshot } from '../../../worlds/snapshot.ts';

let gateway: LoopbackGateway;
let world: IdcHost;
beforeEach(async () => {
  gateway = await startGateway();
  world = new IdcHost(archives);
  world.put('/root/ca.pem', gateway.caPem);
  world.put('/root/token', 'rt-abcdef.verysecretverysecretverysecret\n');
});
afterEach(async () => {
  world.remove();
  await gateway.stop();
});

async function regnode(args: readonly string[], more: Partial<CliContext> = {}) {
  let [stdout, stderr] = ['', ''];
  const code = await runProgram(
    {
      host: world.host,
      environment: {},
      token: undefined,
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      signal: new AbortController().signal,
      ...more,
    },
    args,
  );
  return { code, stdout, stderr };
}
const joinFlags = () => [
  '--gateway',
  gateway.url,
  '--ca-file',
  '/root/ca.pem',
  '--token-file',
  '/root/token',
  '--artifact-key-sha256',
  gateway.artifactKey.id,
];
const files = () => snapshot(world.root, ['/proc', '/sys']);
const asUser = (): Host => ({ ...world.host, processes: { ...world.host.processes, uid: 1000 } });

describe('what was typed wrong', () => {
  test.each([
    [['jion'], /Did you mean join\?/],
    [['join', '--gatway', 'x'], /Did you mean --gateway\?/],
    [['join', '--token', 'rt-x.y'], /unknown option '--token'/],
    [['--language', 'fr', 'status'], /Allowed choices are en, zh/],
    [['completion', 'fish'], /Allowed choices are bash, zsh/],
    [['join'], /USAGE: --gateway URL is needed/],
    [['join', '--gateway', 'http://x'], /CONFIGURATION_INVALID: --gateway/],
    [
      ['join', '--gateway', 'https://x', '--ca-file', '/none'],
      /CONFIGURATION_INVALID: \/none: there is no such file/,
    ],
    [['join', '--gateway', 'https://x', '--ca-file', '/etc/hostname'], /no whole certificate in PEM/],
    [
      ['join', '--gateway', 'https://u:s3cret@x'],
      /URL_CREDENTIAL: The URL of --gateway holds .*\n.*→ Give it/,
    ],
    [['preflight', '--gateway', 'https://u:s3cret@x'], /URL_CREDENTIAL: The URL of --gateway/],
    [['netcheck', '--gateway', 'https://u:s3cret@x'], /URL_CREDENTIAL: The URL of --gateway/],
    [
      ['--language', 'zh', 'join', '--gateway', 'https://u:s3cret@x'],
      /URL_CREDENTIAL: --gateway 的 URL.*\n.*请去掉/,
    ],
    [['explain', 'TOKEN_EXPIRD'], /CODE_UNKNOWN.*\n.*TOKEN_EXPIRED/],
    [['preflight', '--only', 'swpa'], /CHECK_UNKNOWN.*\n.*swap/],
  ])('%j ends with 2', async (args, expected) => {
    const { code, stdout, stderr } = await regnode(args);
    expect(stderr).toMatch(expected);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr).not.toContain('s3cret');
  });

  test.each([
    ['https://u:s3cret@m.test/a', /URL_CREDENTIAL: The URL of --mirror/],
    ['https://s3cret@m.test', /URL_CREDENTIAL: The URL of --mirror/],
    ['ftp://m.test', /USAGE: --mirror must be a URL/],
  ])('a mirror %s', async (url, expected) => {
    const before = files();
    const { code, stdout, stderr } = await regnode(['join', ...joinFlags(), '--mirror', url]);
    expect(stderr).toMatch(expected);
    expect(stdout + stderr).not.toContain('s3cret');
    expect(code).toBe(2);
    expect(files()).toEqual(before);
  });

  test('a CA that was cut while it was copied is called that, wherever it is cut', async () => {
    const whole = gateway.caPem;
    const middle = `${whole.slice(0, 200)}${whole.slice(264)}`;
    for (const text of [whole.slice(0, whole.length / 2), `${whole}${whole.slice(0, 300)}`, middle]) {
      world.put('/root/ca.pem', text);
      const { code, stderr } = await regnode(['join', ...joinFlags()]);
      expect(stderr).toContain(
        '[fail] CONFIGURATION_INVALID: /root/ca.pem: it holds no whole certificate in PEM',
      );
      expect(code).toBe(2);
    }
  });

  test.each([['join'], ['leave'], ['plan'], ['run'], ['status']])(
    '%s without root ends with 2',
    async (verb) => {
      const { code, stderr } = await regnode([verb], { host: asUser() });
      expect(stderr).toContain('[fail] NOT_ROOT: This command must be run as root (it runs as uid 1000).');
      expect(stderr).toContain('→ Run it with sudo.');
      expect(code).toBe(2);
    },
  );
});

describe('on a host that has not joined', () => {
  test.each([['status'], ['plan'], ['leave']])('%s says so', async (verb) => {
    const { code, stdout, stderr } = await regnode([verb, '--json']);
    expect(stderr).toContain('NOT_JOINED');
    expect(JSON.parse(stdout)).toMatchObject({ schema: 1, error: { code: 'NOT_JOINED' } });
    expect(code).toBe(1);
  });

  test('a dry run shows what would be done, registers nothing and changes nothing', async () => {
    const before = files();
    const args = [
      'join',
      '--dry-run',
      ...joinFlags(),
      '--ignore',
      'identity,resources,kernel,line,time,firewall,runtime',
    ];
    const { code, stdout, stderr } = await regnode(args);
    expect(stderr).toContain('Not registered');
    expect(stdout).toContain('+ unpack kubelet 1.20.2');
    expect(stdout).toContain('+ write /etc/containerd/config.toml  (other content)');
    expect(stdout).toContain('      - # of somebody before us');
    expect(code).toBe(0);
    expect(gateway.asked).not.toContain('POST /v1/join');
    expect(files()).toEqual(before);
  });

  test('a refusal says code, line and remedy, in Chinese too, and never the token', async () => {
    gateway.refusal = { status: 401, code: 'TOKEN_INVALID', values: { id: 'rt-abcdef' } };
    const ignore = ['--ignore', 'identity,resources,kernel,line,time,firewall,runtime'];
    const { code, stdout, stderr } = await regnode([
      '--language',
      'zh',
      'join',
      '--json',
      ...joinFlags(),
      ...ignore,
    ]);
    expect(stderr).toContain('[fail] TOKEN_INVALID: 网关不认识加入令牌 rt-abcdef。');
    expect(stderr).toContain('→ 请重新复制完整命令');
    expect(stdout + stderr).not.toContain('verysecret');
    expect(code).toBe(1);
  });

  test('a join and a leave end with a line and a JSON document each', async () => {
    const ignore = ['--ignore', 'identity,resources,kernel,line,time,firewall,runtime'];
    const joined = await regnode(['join', '--json', ...joinFlags(), ...ignore]);
    expect(joined.code, joined.stderr).toBe(0);
    expect(JSON.parse(joined.stdout)).toMatchObject({ outcome: 'joined', node: 'idc-1', pool: 'idc' });
    expect(joined.stderr).toContain('[ok] idc-1 is a Ready node of pool idc');
    expect(joined.stderr).not.toContain('\u001b');

    const again = await regnode(['join', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ outcome: 'nothing-to-do' });
    expect((await regnode(['plan'])).stderr).toContain('[ok] nothing to do');
    expect((await regnode(['status'])).stderr).toContain('DAEMON_NOT_RUNNING');

    const left = await regnode(['leave', '--yes', '--json']);
    expect(JSON.parse(left.stdout)).toMatchObject({ outcome: 'left', kept: [] });
    expect(left.code).toBe(0);
  });
});

describe('a leave', () => {
  const ignore = ['--ignore', 'identity,resources,kernel,line,time,firewall,runtime'];
  const held = {
    pod: 'default/web',
    reason: 'The disruption budget web needs 1 healthy pods and has 1 currently',
  };
  beforeEach(async () => {
    expect(await regnode(['join', ...joinFlags(), ...ignore])).toMatchObject({ code: 0 });
  });

  test('is told before it is done: which pods go, which may not, what is undone', async () => {
    gateway.drains = [{ evictedPods: ['default/free'], remainingPods: [held] }];
    const before = files();
    const { code, stdout, stderr } = await regnode(['leave', '--dry-run']);
    expect(stdout).toContain('moves away: default/free\n');
    expect(stdout).toContain(`stays until the end: default/web (${held.reason})`);
    expect(stdout).toMatch(/undone: unit:kubelet\.service/);
    expect(stderr).toContain('it would not leave now: default/web');
    expect(stderr).toContain('nothing was changed (--dry-run)');
    expect(code).toBe(0);
    expect(files()).toEqual(before);
    expect(gateway.asked).not.toContain('POST /v1/node/drain');
    const { stdout: json } = await regnode(['leave', '--dry-run', '--json']);
    expect(JSON.parse(json)).toMatchObject({ dryRun: true, wouldLeave: false });
  });

  test('without a gateway the dry run still says what would be undone', async () => {
    await gateway.stop();
    const { code, stdout, stderr } = await regnode(['leave', '--dry-run']);
    expect(stdout).toMatch(/undone: unit:kubelet\.service/);
    expect(stderr).toContain('GATEWAY_UNREACHABLE');
    expect(code).toBe(0);
  });

  test('stays where a budget lets no pod go, and changes nothing of the host', async () => {
    gateway.drains = [{ evictedPods: [], remainingPods: [held] }];
    const before = files();
    const { code, stderr } = await regnode(['leave', '--yes', '--drain-timeout', '1s'], {
      host: { ...world.host, clock: { ...world.host.clock, monotonicMs: jumping() } },
    });
    expect(stderr).toContain(`     default/web is still here: ${held.reason}`);
    expect(stderr).toContain('[fail] DRAIN_INCOMPLETE: 1 pod(s) of the node idc-1');
    expect(code).toBe(5);
    expect(gateway.asked).toContain('POST /v1/node/uncordon');
    expect(gateway.asked).not.toContain('POST /v1/node/deregister');
    expect(files()).toEqual(before);
    expect((await regnode(['leave', '--yes', '--no-drain'])).code).toBe(0);
  });

  test('asks a person, and a script never', async () => {
    const asked: string[] = [];
    const answering = (answer: string) => ({
      ask: async (question: string) => {
        asked.push(question);
        return answer;
      },
    });
    const no = await regnode(['leave'], answering('n'));
    expect(no.code).toBe(2);
    expect(no.stderr).toContain('not confirmed, nothing was changed');
    expect(asked).toEqual([expect.stringContaining('Take idc-1 out of pool idc? Its pods move away')]);
    expect((await regnode(['leave', '--no-drain'], answering('yes'))).code).toBe(0);
    expect(asked).toHaveLength(2);
    await regnode(['join', ...joinFlags(), ...ignore]);
    rmSync(world.at(paths.state), { recursive: true });
    const kept = await regnode(['leave', '--recover'], answering(''));
    expect(kept.code).toBe(2);
    expect(asked.at(-1)).toContain('(idc-1) back although its state is lost? Its pods end');
    expect((await regnode(['leave', '--recover'], answering('y'))).code).toBe(0);
    expect(asked).toHaveLength(4);
    await regnode(['join', ...joinFlags(), ...ignore]);
    rmSync(world.at(paths.state), { recursive: true });
    expect((await regnode(['leave', '--recover', '--yes'], answering('n'))).code).toBe(0);
    await regnode(['join', ...joinFlags(), ...ignore]);
    expect((await regnode(['leave', '--yes'], answering('n'))).code).toBe(0);
    expect(asked).toHaveLength(4);
  });
});

/** A second for each look. */
function jumping(): () => number {
  let nowMs = 0;
  return () => (nowMs += 1000);
}

test('version is that of package.json', async () => {
  const text = readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8');
  expect(agentVersion).toBe((JSON.parse(text) as { version: string }).version);
  expect((await regnode(['version'])).stdout).toBe(`${agentVersion}\n`);
});

test('explain tells a code in the language that was asked for', async () => {
  expect((await regnode(['explain', 'token-expired'])).stdout).toContain('expired at');
  expect((await regnode(['explain', 'BUSY'], { environment: { LANG: 'zh_CN.UTF-8' } })).stdout).toContain(
    '另一个',
  );
});

test('completion is a script that bash understands, with every command in it', async () => {
  const { stdout } = await regnode(['completion', 'bash']);
  execFileSync('bash', ['-n'], { input: stdout });
  for (const verb of ['preflight', 'join', 'status', 'plan', 'leave', 'explain', 'run', 'version']) {
    expect(stdout).toContain(verb);
  }
});
