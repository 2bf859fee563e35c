// What a host in the field is like before the agent speaks: read-only and noexec places, old programs,
// libraries that it loads into everything, a shell full of settings, a token or a CA that was not copied
// whole. Each is one line with a code and a remedy, or makes no difference.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bytes, type FakeGateway, sha256, startGateway } from './gateway.ts';
import { isRoot, type Outcome, ThrowAwayMachine } from './installation.ts';
import { makePayload } from './payload.ts';

const token = 'rt-abc123.0123456789abcdefghijklmnopqrstuv';
let gateway: FakeGateway;
let machine: ThrowAwayMachine;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  machine = new ThrowAwayMachine();
  gateway.requests.length = 0;
  gateway.offer('1.0.0', makePayload('1.0.0'));
});
afterEach(() => machine.remove());

type Options = NonNullable<Parameters<ThrowAwayMachine['install']>[1]>;

const hashes = () => ['--ca-sha256', sha256(gateway.caPem), '--artifact-key-sha256', gateway.artifactKey.id];
const run = (args: readonly string[] = ['--no-join'], options: Options = {}) =>
  machine.install(['--gateway', gateway.url, ...hashes(), ...args], {
    ...options,
    environment: { REGNODE_TOKEN: token, ...options.environment },
  });
/** One line and a remedy, and no word of a program of the host beside them. */
function expectOneLine(outcome: Outcome, code: string, exitCode = 1): void {
  const said = outcome.stderr.split('\n').filter((line) => !line.startsWith('regnode: '));
  expect(said, outcome.stderr).toEqual([
    expect.stringMatching(new RegExp(`^\\[fail\\] ${code}: `)),
    expect.stringMatching(/^ {7}→ /),
  ]);
  expect(outcome.exitCode).toBe(exitCode);
}
/** Writes a program of that name that comes before the host's own. */
const standIn = (name: string, lines: string) =>
  `printf '%s\\n' '#!/bin/sh' ${lines
    .split('\n')
    .map((line) => `'${line}'`)
    .join(' ')} >/usr/local/sbin/${name}; chmod 755 /usr/local/sbin/${name}`;
const path = '/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin';

describe.runIf(isRoot)('refused before an archive is asked for', () => {
  test.each([
    ['HOST_REFUSED', 'a read-only /opt', 'mount -t tmpfs -o ro tmpfs /opt', 'Read-only file system'],
    [
      'HOST_REFUSED',
      'a file where the releases go',
      'mkdir /opt/regnode; echo >/opt/regnode/releases',
      'Not a directory',
    ],
    ['HOST_REFUSED', 'a read-only /run', 'mount -o remount,ro /run', 'Read-only file system'],
    [
      'PROGRAM_CANNOT_START',
      'a noexec /opt',
      'mount -t tmpfs -o noexec tmpfs /opt',
      'No program can run under',
    ],
    [
      'HOST_REFUSED',
      'a read-only /var/lib',
      'mount -t tmpfs -o ro tmpfs /var/lib',
      '/var/lib/.*Read-only file system',
    ],
    [
      'PROGRAM_CANNOT_START',
      'a noexec /var/lib',
      'mount -t tmpfs -o noexec tmpfs /var/lib',
      'No program can run under /var/lib.*(\n|.)*how the file system of /var/lib is mounted',
    ],
    [
      'NO_SPACE',
      'a small /var/lib',
      'mount -t tmpfs -o size=16m tmpfs /var/lib',
      'not enough room under /var/lib: 16 MiB free, 64 MiB needed',
    ],
  ])('%s: %s', async (code, _name, prepare, said) => {
    const outcome = await run(['--no-join'], { prepare: `touch /run/calls; ${prepare}` });
    expectOneLine(outcome, code);
    expect(outcome.stderr).toMatch(new RegExp(said, 'i'));
    expect(gateway.archiveRequests().filter((asked) => asked.includes('.tar.gz'))).toEqual([]);
  });

  test.each([
    ['cut off', token.slice(0, 20), 'has 20 characters'],
    ['with a comma in it', token.replace('.', ','), 'has 42 characters'],
  ])('a token that is %s', async (_name, wrong, said) => {
    const outcome = await run([], { environment: { REGNODE_TOKEN: wrong } });
    expectOneLine(outcome, 'TOKEN_INVALID');
    expect(outcome.stderr).toContain(said);
    expect(outcome.stderr).not.toContain(wrong.slice(10));
    expect(gateway.requests).toEqual([]);
  });

  test.each([
    ['TOKEN_INVALID', { id: 'abc123' }, 'The join token abc123 is not known'],
    [
      'TOKEN_EXPIRED',
      { id: 'abc123', expiredAt: '2026-01-01T00:00:00.000Z', pool: 'idc' },
      'at 2026-01-01T00:00:00.000Z',
    ],
    ['TOKEN_USED_UP', { id: 'abc123', uses: 1, pool: 'idc' }, '--pool idc --uses N'],
    ['POOL_NOT_FOUND', { pool: 'idc$(reboot)' }, 'There is no node pool idcreboot.'],
  ])('a token of which the gateway says %s', async (code, values, said) => {
    gateway.answers.set('/v1/join/token', (_request, response) => {
      response.writeHead(401).end(JSON.stringify({ error: { code, values } }));
    });
    const outcome = await run([]);
    gateway.answers.delete('/v1/join/token');
    expectOneLine(outcome, code);
    expect(outcome.stderr).toContain(said);
    expect(gateway.requests.filter((asked) => asked.includes('.tar.gz'))).toEqual([]);
    expect(machine.changes()).toEqual([]);
  });

  test.each([
    ['does not know the question', 404, ''],
    ['answers something else', 200, '{"pool":"idc"}'],
    ['answers without end', 500, 'x'.repeat(100_000)],
    ['names a code of its own', 400, '{"error":{"code":"WHAT","values":{}}}'],
  ])('a gateway that %s: the join decides', async (_name, status, body) => {
    gateway.answers.set('/v1/join/token', (_request, response) => void response.writeHead(status).end(body));
    const outcome = await run([]);
    gateway.answers.delete('/v1/join/token');
    expect(outcome.exitCode, outcome.stderr).toBe(0);
    expect(machine.calls()[0]).toMatch(/^called join /);
  });

  test('a CA of which only the beginning was copied', async () => {
    const half = gateway.caPem.slice(0, 200);
    const flags = ['--gateway', gateway.url, '--ca-file', '/run/ca.pem', ...hashes().slice(2), '--no-join'];
    const outcome = await machine.install(flags, { prepare: `cat >/run/ca.pem <<'END'\n${half}\nEND` });
    expectOneLine(outcome, 'CONFIGURATION_INVALID', 2);
    expect(outcome.stderr).toContain('/run/ca.pem is invalid: it holds no whole certificate in PEM');
    expect(gateway.requests).toEqual([]);
  });

  test('programs that are missing, by the packages that bring them', async () => {
    const prepare = 'rm /usr/bin/flock /usr/bin/cmp /usr/bin/awk /usr/bin/gawk /usr/bin/mawk 2>/dev/null';
    const outcome = await run(['--no-join'], { prepare });
    expect(outcome.stderr).toMatch(/These programs are missing: awk flock cmp\./);
    expect(outcome.stderr).toMatch(/yum install gawk util-linux diffutils$/m);
    expect(outcome.exitCode).toBe(1);
  });
});

describe.runIf(isRoot)('a program that does not start', () => {
  const broken =
    'echo "symbol lookup error: /lib64/librt.so.1: undefined symbol: x, version GLIBC_PRIVATE" >&2; exit 127';

  test('is not put in use, and the library that the host loads into it is named', async () => {
    gateway.offer('1.0.0', makePayload('1.0.0', { loader: broken }));
    const outcome = await run(['--no-join'], {
      prepare: 'echo /lib/x86_64-linux-gnu/libutil.so.1 >/etc/ld.so.preload',
    });
    expectOneLine(outcome, 'PROGRAM_CANNOT_START');
    expect(outcome.stderr).toContain('undefined symbol: x, version GLIBC_PRIVATE');
    expect(outcome.stderr).toContain('This host loads /lib/x86_64-linux-gnu/libutil.so.1 into every program');
    expect(machine.changes().filter((changed) => changed.startsWith('/opt'))).toEqual([]);
  });

  test('without such a library the mount and the policy are what to look at', async () => {
    gateway.offer('1.0.0', makePayload('1.0.0', { loader: 'exit 126' }));
    const outcome = await run();
    expectOneLine(outcome, 'PROGRAM_CANNOT_START');
    expect(outcome.stderr).toContain('it ended without a word');
    expect(outcome.stderr).toContain('noexec');
  });

  test('one that starts is asked as it will be run', async () => {
    gateway.offer('1.0.0', makePayload('1.0.0', { loader: 'echo "loader $*" >>/run/calls' }));
    const outcome = await run();
    expect(outcome.exitCode, outcome.stderr).toBe(0);
    expect(machine.calls()).toEqual([
      expect.stringMatching(/^loader --library-path \S+\/lib \S+\/bin\/node --version$/),
    ]);
  });
});

describe.runIf(isRoot)('the programs of el7', () => {
  test('sync that knows no -f, and would sync the whole machine for a file: it is never asked to', async () => {
    const prepare = standIn(
      'sync',
      'echo "sync $*" >>/run/calls\ncase $1 in -f) echo "sync: invalid option -- f" >&2; exit 1;; esac',
    );
    const outcome = await run(['--no-join'], { prepare, environment: { PATH: path } });
    expect(outcome.exitCode, outcome.stderr).toBe(0);
    expect(machine.calls().filter((call) => !call.startsWith('sync -f '))).toEqual([]);
    expect(machine.calls().length).toBe(1);
  });

  test('a file that cannot be synced is a fault of the disk', async () => {
    const prepare = `${standIn('sync', 'exit 1')}; ${standIn('dd', 'exit 1')}`;
    const outcome = await run(['--no-join'], { prepare, environment: { PATH: path } });
    expectOneLine(outcome, 'DISK_ERROR');
  });

  test('curl on NSS, whose handshake is cut off: it is tried again, and nobody is suspected', async () => {
    const nss = 'curl: (35) NSS: client certificate not found (nickname not specified)';
    const prepare = standIn(
      'curl',
      `echo called >>/run/calls\n[ $(wc -l </run/calls) -gt 2 ] || { echo "${nss}" >&2; exit 35; }\nexec /usr/bin/curl "$@"`,
    );
    const outcome = await run(['--no-join'], { prepare, environment: { PATH: path } });
    expect(outcome.exitCode, outcome.stderr).toBe(0);
    const always = await run(['--no-join'], {
      prepare: `${prepare}; sed -i 's/-gt 2/-gt 99/' /usr/local/sbin/curl`,
      environment: { PATH: path },
    });
    expectOneLine(always, 'GATEWAY_UNREACHABLE', 5);
  }, 300_000);

  test('curl that gives advice: nobody is told to look away', async () => {
    const advice =
      'curl: (60) Peer certificate cannot be authenticated with known CA certificates\nMore details here: http://curl.haxx.se/docs/sslcerts.html\n\ncurl performs SSL certificate verification by default. To turn off curl verification use the -k (or --insecure) option.';
    const prepare = standIn(
      'curl',
      `case "$*" in *cacert*--insecure*) exec /usr/bin/curl "$@";; esac\nprintf "%s\\n" "${advice.replaceAll('\n', '\\n')}" | sed "s/.n/&/" >&2\nexit 60`,
    );
    const outcome = await run(['--no-join'], { prepare, environment: { PATH: path } });
    expectOneLine(outcome, 'GATEWAY_NOT_TRUSTED');
    expect(outcome.stderr).not.toMatch(/-k|insecure/);
  });
});

// curl before 7.76 says the server's own words behind the status, and /cacert is fetched
// before anybody is verified.
describe.runIf(isRoot)('words of a stranger in the gateway’s place', () => {
  test('are no command to the terminal of root, and are not long', async () => {
    gateway.answers.set('/cacert', (_request, response) => response.writeHead(404).end());
    const words = String.raw`Not \033]0;title\007\033[2JFound \302\233\r` + 'x'.repeat(2000);
    const prepare = standIn(
      'curl',
      `case "$*" in *cacert*) printf "curl: (22) The requested URL returned error: 404 ${words}" >&2; exit 22;; esac\nexec /usr/bin/curl "$@"`,
    );
    const outcome = await run(['--no-join'], { prepare, environment: { PATH: path } });
    expectOneLine(outcome, 'ARTIFACT_DOWNLOAD_FAILED');
    expect(outcome.stderr).toContain('404 Not ]0;title[2JFound x');
    expect(outcome.stderr).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(outcome.stderr.length).toBeLessThan(1000);
    gateway.answers.set('/cacert', bytes(gateway.caPem));
  });
});

describe.runIf(isRoot)('what a shell carries', () => {
  test.each(['bash', 'dash'])('%s: none of it reaches a program', async (shell) => {
    const variables = {
      NODE_OPTIONS: '--require=/none.js',
      GREP_OPTIONS: '-v',
      TAR_OPTIONS: '--wat',
      GZIP: '--wat',
      POSIXLY_CORRECT: '1',
      DF_BLOCK_SIZE: '1',
      OPENSSL_CONF: '/none',
      TMPDIR: '/none',
      LC_ALL: 'de_DE.ISO-8859-1',
      CDPATH: '/usr',
    };
    // From inside, so that they change no program of the test's own.
    const prepare = `export ${Object.entries(variables)
      .map(([name, value]) => `${name}='${value}'`)
      .join(' ')}`;
    const program =
      'env | grep -E "^(NODE_OPTIONS|GREP_OPTIONS|TAR_OPTIONS|GZIP|OPENSSL_CONF|TMPDIR)=" >>/run/calls || true';
    gateway.offer(
      '1.0.0',
      makePayload('1.0.0', { program, loader: program.replace('env', 'echo started >>/run/calls; env') }),
    );
    const outcome = await run([], { prepare, shell });
    expect(outcome.exitCode, JSON.stringify(outcome)).toBe(0);
    expect(machine.calls().filter((call) => /^[A-Z_]+=/.test(call))).toEqual([]);
    expect(machine.calls()).toContain('started');
  });

  test('sudo with a path of its own finds the command, and an uninstall takes both links', async () => {
    const sudoers = (list: string) => `mkdir -p /etc; echo 'Defaults    secure_path = ${list}' >/etc/sudoers`;
    expect((await run(['--no-join'], { prepare: sudoers('/sbin:/bin:/usr/sbin:/usr/bin') })).exitCode).toBe(
      0,
    );
    expect(await machine.sees('readlink /usr/bin/regnode')).toBe('/opt/regnode/bin/regnode');
    await machine.install(['--uninstall']);
    expect(machine.changes()).toEqual(['/etc/sudoers']);
    await run(['--no-join'], { prepare: sudoers('/usr/local/bin:/bin') });
    expect(machine.changes()).toContain('/usr/local/bin/regnode');
    expect(machine.changes()).not.toContain('/usr/bin/regnode');
  }, 300_000);
});
