// install.sh from end to end on a machine of which nothing stays: what it hands to `regnode
// join`, what is left after each outcome, running it again, upgrading, and taking it away. The
// overlay's upper folder is the judge.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FakeGateway, sha256, startGateway } from './gateway.ts';
import { isRoot, type Outcome, ThrowAwayMachine } from './installation.ts';
import { makePayload } from './payload.ts';

const token = 'rt-abc123.0123456789abcdefghijklmnopqrstuv';
const joins =
  'if [ "$1" = join ]; then mkdir -p /etc/regnode /var/lib/regnode; echo {} >/etc/regnode/agent.json; fi';
const leaves = 'if [ "$1" = leave ]; then rm -r /etc/regnode /var/lib/regnode; fi';

let gateway: FakeGateway;
let machine: ThrowAwayMachine;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  machine = new ThrowAwayMachine();
  gateway.requests.length = 0;
});
afterEach(() => machine.remove());

function offer(version: string, program = ''): string {
  const archive = makePayload(version, { program });
  gateway.offer(version, archive);
  return `/opt/regnode/releases/${version}-${sha256(archive).slice(0, 12)}`;
}

type Options = Parameters<ThrowAwayMachine['install']>[1];

function run(args: readonly string[] = [], options: Options = {}): Promise<Outcome> {
  const environment = { REGNODE_TOKEN: token, ...options.environment };
  const hashes = ['--ca-sha256', sha256(gateway.caPem), '--artifact-key-sha256', gateway.artifactKey.id];
  const flags = [
    '--gateway',
    `${gateway.url}/`,
    ...hashes.map((word) => (word.startsWith('-') ? word : word.toUpperCase())),
  ];
  return machine.install([...flags, ...args], { ...options, environment });
}

/** What a run leaves outside the release folders. */
const installed = [
  ...['LICENSES', 'VERSION', 'app', 'bin', 'current', 'install.sh', 'lib'].map(
    (name) => `/opt/regnode/${name}`,
  ),
  '/opt/regnode/uninstall.sh',
];
const outside = ['/etc/systemd/system/regnode.service', '/usr/local/bin/regnode'];

function changesOutsideReleases(): string[] {
  return machine.changes().filter((path) => !path.startsWith('/opt/regnode/releases/'));
}

describe.runIf(isRoot)('nothing is left', () => {
  test.each([
    ['a refused token', 1],
    ['a usage error', 2],
    ['a failed preflight', 3],
    ['another regnode at work', 4],
    ['a gateway that is gone', 5],
  ])('after %s, and the exit code is the one of the join', async (_name, exitCode) => {
    offer('1.0.0', `exit ${exitCode}`);
    const outcome = await run();
    expect(outcome.exitCode).toBe(exitCode);
    expect(outcome.stderr).toContain('nothing was joined: the host is as before');
    expect(machine.calls().length).toBe(2);
    expect(machine.changes()).toEqual([]);
    expect(machine.leftInRun()).toEqual(['calls']);
  });

  test('after a dry run that went well', async () => {
    offer('1.0.0');
    const outcome = await run(['--dry-run']);
    expect(outcome.exitCode).toBe(0);
    expect(machine.calls()[0]).toMatch(/^called join .*--dry-run/);
    expect(machine.changes()).toEqual([]);
  });

  test('after the script was told to stop', async () => {
    // The group, as a terminal does it.
    offer('1.0.0', 'kill -TERM "$PPID"; exit 143');
    const outcome = await run();
    expect(outcome.exitCode).toBe(143);
    expect(machine.changes()).toEqual([]);
    expect(machine.leftInRun()).toEqual(['calls']);
  });

  test('but not its program, when it was told to stop after the host had joined', async () => {
    offer(
      '1.0.0',
      'mkdir -p /var/lib/regnode; echo {} >/var/lib/regnode/state.json; kill -TERM "$PPID"; exit 143',
    );
    const outcome = await run();
    expect(outcome.exitCode).toBe(143);
    expect(machine.changes().join('\n')).toContain('/opt/regnode/bin');
  });

  test('and nobody but root may open its lock, and keep others out with it', async () => {
    offer('1.0.0', 'echo "lock $(stat -c %a /run/regnode-install.lock)" >&2; exit 1');
    expect((await run()).stderr).toContain('lock 600\n');
  });

  test('and a lock whose file was taken away by the one before is not the one that it holds', async () => {
    // Between opening and locking, which is what the one before does when it ends.
    const flock =
      '[ -e /run/gone ] || { echo >/run/gone; rm -f /run/regnode-install.lock; }; exec /usr/bin/flock "$@"';
    const seen = 'flock -n /run/regnode-install.lock true && echo free >&2 || echo held >&2; exit 1';
    offer('1.0.0', seen);
    const outcome = await run([], {
      prepare: `printf '#!/bin/sh\\n%s\\n' '${flock}' >/usr/local/sbin/flock; chmod 755 /usr/local/sbin/flock`,
      environment: { PATH: '/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    expect(outcome.stderr.split('\n')).toContain('held');
    expect(machine.leftInRun()).toEqual(['calls', 'gone']);
  });

  test('when another install.sh is at work', async () => {
    offer('1.0.0');
    const outcome = await run([], {
      prepare: 'echo 4711 >/run/regnode-install.lock; exec 8</run/regnode-install.lock; flock 8',
    });
    expect(outcome.stderr).toContain('[fail] BUSY: Another regnode (install.sh, pid 4711) is at work.');
    expect(outcome.exitCode).toBe(4);
    expect(machine.changes()).toEqual([]);
    // It is the other one's.
    expect(machine.leftInRun()).toEqual(['regnode-install.lock']);
    expect(gateway.requests).toEqual([]);
  });

  test('beside an installation of the RPM', async () => {
    offer('1.0.0');
    const outcome = await run([], {
      prepare: 'mkdir -p /opt/regnode/bin; echo rpm >/opt/regnode/bin/regnode',
    });
    expect(outcome.stderr).toContain('[fail] OTHER_INSTALLATION: ');
    expect(outcome.exitCode).toBe(1);
    expect(machine.changes()).toEqual(['/opt/regnode/bin/regnode']);
  });
});

describe.runIf(isRoot).each(['bash', 'dash'])('%s: a join', (shell) => {
  test('is given the token in a file that only root can read, and it is gone after', async () => {
    const release = offer('1.0.0', joins);
    const outcome = await run(['--manifest-serial=1', '--name', 'idc-1', '--', '--ignore', 'SWAP_ON'], {
      shell,
    });
    expect(outcome.exitCode).toBe(0);
    const [called = '', tokenLine, ...more] = machine.calls();
    expect(called).toMatch(
      new RegExp(
        `^called join --gateway ${gateway.url} --ca-file /run/[^ ]+/ca.pem --artifact-key-sha256 ${gateway.artifactKey.id} --token-file /run/[^ ]+/token --manifest-serial 1 --name idc-1 --ignore SWAP_ON$`,
      ),
    );
    expect(called).not.toContain(token);
    expect(tokenLine).toBe(`token ${token} mode 600`);
    expect(more).toEqual([]);
    expect(outcome.stdout + outcome.stderr).not.toContain(token);
    expect(machine.leftInRun()).toEqual(['calls']);
    expect(changesOutsideReleases()).toEqual(
      ['/etc/regnode/agent.json', '/var/lib/regnode/', ...outside, ...installed].sort(byPath),
    );
    expect(machine.changes().filter((path) => path.startsWith(release)).length).toBeGreaterThan(5);
  });
});

describe.runIf(isRoot)('the places of the artifacts', () => {
  test('are handed on to the agent, in their order, with the rate', async () => {
    offer('1.0.0', joins);
    const mirrors = ['--mirror', 'https://127.0.0.1:1/a', '--mirror=http://127.0.0.1:1/b'];
    const outcome = await run([...mirrors, '--rate-limit', '10M', '--artifact-dir', '/mnt'], {
      prepare: 'mkdir /run/store',
    });
    expect(outcome.stderr).toContain('MANIFEST_NOT_TRUSTED');
    const handed = await run([...mirrors, '--rate-limit', '10M'], {});
    expect(handed.exitCode, handed.stderr).toBe(0);
    expect(machine.calls()[0]).toContain(
      ' --rate-limit 10M --mirror https://127.0.0.1:1/a --mirror http://127.0.0.1:1/b',
    );
  });

  test.each(['x', '10X', 'M'])('a rate of %s is none', async (rate) => {
    const outcome = await run(['--rate-limit', rate]);
    expect(outcome.stderr).toContain('--rate-limit is bytes per second');
    expect(outcome.exitCode).toBe(2);
  });
});

function byPath(a: string, b: string): number {
  return a < b ? -1 : 1;
}

describe.runIf(isRoot)('the payload stays', () => {
  test('when the join broke off after it had changed something', async () => {
    offer('1.0.0', 'mkdir -p /var/lib/regnode/journal; touch /var/lib/regnode/journal/1; exit 5');
    const outcome = await run();
    expect(outcome.exitCode).toBe(5);
    expect(outcome.stderr).toContain('run the same command again to go on');
    expect(changesOutsideReleases()).toEqual(expect.arrayContaining(installed));
  });

  test('when it was there before, and a second run changes nothing', async () => {
    offer('1.0.0', joins);
    await run();
    const before = machine.changes();
    gateway.requests.length = 0;
    const outcome = await run();
    expect(outcome.exitCode).toBe(0);
    expect(outcome.stderr).toContain('regnode 1.0.0 is installed already');
    expect(machine.changes()).toEqual(before);
    expect(gateway.archiveRequests()).toEqual(['GET /cacert']);
  });
});

describe.runIf(isRoot)('a new release', () => {
  test('comes beside the old one; the one before the last goes', async () => {
    const releases = [offer('1.0.0', joins)];
    await run();
    for (const version of ['1.1.0', '1.2.0']) {
      releases.push(offer(version, joins));
      expect((await run(['--no-join'])).exitCode).toBe(0);
    }
    const there = new Set(
      machine.changes().map((path) => /^\/opt\/regnode\/releases\/[^/]+/.exec(path)?.[0]),
    );
    expect([...there].filter(Boolean).sort()).toEqual(releases.slice(1));
    expect(await machine.sees('readlink /opt/regnode/current')).toBe(
      releases[2]?.replace('/opt/regnode/', ''),
    );
    expect(await machine.sees('regnode version')).toBe('1.2.0');
  });

  test('a refused join afterwards does not take it away', async () => {
    offer('1.0.0', joins);
    await run(['--no-join']);
    offer('1.1.0', 'exit 1');
    expect((await run()).exitCode).toBe(1);
    expect(await machine.sees('regnode version')).toBe('1.1.0');
  });

  test('a run that was killed in the middle is repaired by the next', async () => {
    offer('1.0.0', joins);
    const outcome = await run([], {
      prepare:
        'mkdir -p /opt/regnode/releases/.staging.99/tree/bin; echo half >/opt/regnode/releases/.staging.99/archive; ln -s current/bin /opt/regnode/bin; ln -s x /opt/regnode/current.new',
    });
    expect(outcome.exitCode).toBe(0);
    expect(machine.changes().filter((path) => /staging|\.new/.test(path))).toEqual([]);
    expect(await machine.sees('regnode version')).toBe('1.0.0');
  });

  test('a program of that name that is not ours is left alone', async () => {
    offer('1.0.0', joins);
    const outcome = await run(['--no-join'], { prepare: 'echo mine >/usr/local/bin/regnode' });
    expect(outcome.stderr).toContain('/usr/local/bin/regnode is not ours and stays');
    expect(machine.read('/usr/local/bin/regnode')).toBe('mine\n');
  });
});

describe.runIf(isRoot)('taking it away', () => {
  test('leaves first, and then nothing is left', async () => {
    offer('1.0.0', `${joins}\n${leaves}`);
    await run();
    const outcome = await machine.install(['--uninstall']);
    expect(outcome.exitCode).toBe(0);
    expect(machine.calls()).toEqual(['called leave']);
    expect(machine.changes()).toEqual([]);
  });

  test('by the script that it brought along', async () => {
    offer('1.0.0', `${joins}\n${leaves}`);
    await run();
    await machine.sees('/opt/regnode/uninstall.sh --force');
    expect(machine.changes()).toEqual([]);
  });

  test('stops when the leave fails', async () => {
    offer('1.0.0', `${joins}\n[ "$1" != leave ] || exit 5`);
    await run();
    const before = machine.changes();
    const outcome = await machine.install(['--uninstall', '--force']);
    expect(outcome.exitCode).toBe(5);
    expect(machine.calls()).toEqual(['called leave --force --recover']);
    expect(machine.changes()).toEqual(before);
  });

  test('keeps what it did not bring, and --purge takes what the agent remembers', async () => {
    offer('1.0.0', joins);
    await run();
    const stays = '/opt/regnode/components/containerd/1.6/bin/containerd';
    const outcome = await machine.install(['--uninstall', '--purge'], {
      prepare: `mkdir -p ${stays.replace(/\/[^/]+$/, '')}; echo x >${stays}; mkdir -p /var/lib/regnode; touch /var/lib/regnode/state.json`,
    });
    expect(outcome.stderr).toContain('/opt/regnode is not empty and stays');
    expect(machine.changes()).toEqual([stays]);
  });

  test('--purge empties a state folder that is a link or a mount, and leaves link and mount to their owner', async () => {
    const outcome = await machine.install(['--uninstall', '--purge'], {
      prepare: `mkdir -p /srv/state/identity /srv/etc /etc/regnode; echo x >/srv/state/identity/key.pem; echo x >/srv/etc/old
        ln -s /srv/state /var/lib/regnode; mount --bind /srv/etc /etc/regnode`,
      after: 'umount /etc/regnode && rmdir /etc/regnode',
    });
    expect(outcome).toMatchObject({ exitCode: 0 });
    expect(machine.changes()).toEqual(['/srv/etc/', '/srv/state/', '/var/lib/regnode']);
  });

  test('a second time is harmless', async () => {
    const outcome = await machine.install(['--uninstall']);
    expect(outcome.exitCode).toBe(0);
    expect(machine.changes()).toEqual([]);
  });

  test('a joined host whose program is gone is not cut loose without --force', async () => {
    const prepare = 'mkdir -p /etc/regnode; echo {} >/etc/regnode/agent.json';
    const refused = await machine.install(['--uninstall'], { prepare });
    expect(refused.stderr).toContain('[fail] LEAVE_IMPOSSIBLE: ');
    expect(refused.exitCode).toBe(1);
    expect((await machine.install(['--uninstall', '--force', '--purge'])).exitCode).toBe(0);
    expect(machine.changes()).toEqual([]);
  });
});
