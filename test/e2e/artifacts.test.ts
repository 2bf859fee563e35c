// Artifacts on a real host: every kind of damage on the way ends in its code and leaves the host as it was;
// then a host without a way to any artifact server joins from one tar, another from a mirror, and what it has
// seen once it isn't talked out of.
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256Hex } from '../../protocol/messages/manifest.ts';
import { type CommandResult, run } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { cloudMember } from '../../scripts/sandbox/line.ts';
import { startDaemon } from '../../scripts/sandbox/namespaces.ts';
import { startReadySandbox } from '../../scripts/sandbox/ready.ts';
import {
  createJoinCommand,
  pasteJoinCommand,
  readyStatus,
  regnodectl,
  waitForReady,
} from '../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../scripts/sandbox/wait.ts';
import { difference, type Observation, observe } from './observation.ts';

const mirrorPort = 8080;
let sandbox: Sandbox;
let host: SandboxHost;
let before: Observation;
/** All archives, as they should be; the gateway's own store has only the small files. */
let archives: string;
let mirror: string;

beforeAll(async () => {
  sandbox = await startReadySandbox({ name: 'e2e-artifacts' });
  host = await sandbox.addHost({ name: 'idc-1' });
  await exportTar();
  archives = join(sandbox.cloud.files.folder, 'archives');
  await mkdir(archives);
  for (const name of await readdir(sandbox.cloud.artifactStore)) {
    if (!name.endsWith('.gz')) continue;
    await rename(join(sandbox.cloud.artifactStore, name), join(archives, name));
  }
  const { address } = sandbox.cloud;
  const server = join(import.meta.dirname, 'mirror-server.ts');
  await startDaemon(sandbox.id, cloudMember, process.execPath, [server, archives, address, `${mirrorPort}`], {
    logFile: join(sandbox.cloud.files.logs, 'mirror.log'),
    cwd: process.cwd(),
  });
  mirror = `http://${address}:${mirrorPort}`;
  await waitFor('the mirror', async () => (await host.run('curl', ['-s', mirror])).exitCode === 0, {
    timeoutMs: 60_000,
  });
  before = await observe(host);
});
afterAll(() => sandbox?.stop());

const gatewayProgram = join(import.meta.dirname, '../../gateway/main.ts');
const bundle = (...args: string[]) => run(process.execPath, [gatewayProgram, 'bundle', ...args]);

async function exportTar(artifactStore = sandbox.cloud.artifactStore): Promise<void> {
  const { files } = sandbox.cloud;
  const tar = join(files.folder, 'bundle.tar');
  await bundle('export', '--store', artifactStore, '--out', tar, '--architecture', 'amd64');
  await bundle('verify', tar);
  // Where nothing is counted as a trace: the test brings it.
  await host.copyIn(tar, '/root/bundle.tar');
}

async function paste(environment: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  return pasteJoinCommand(host, await createJoinCommand(sandbox), environment);
}

async function expectRefusal(result: CommandResult, code: string | RegExp, exitCode = 1): Promise<void> {
  const said = result.stdout + result.stderr;
  expect(said).toMatch(code);
  expect(said).toMatch(/→|Nothing was run\./);
  expect(said).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(result.exitCode, said).toBe(exitCode);
  expect(difference(before, await observe(host))).toEqual([]);
}

async function inHost(command: string): Promise<string> {
  const result = await host.run('sh', ['-c', command], { timeoutMs: 180_000 });
  expect(result.exitCode, `${command}: ${result.stdout}${result.stderr}`).toBe(0);
  return result.stdout;
}

async function leave(): Promise<void> {
  await inHost('regnode leave && /opt/regnode/uninstall.sh --purge');
  expect(difference(before, await observe(host))).toEqual([]);
}

test('no place has the archives', async () => {
  await expectRefusal(await paste(), '[fail] ARTIFACT_DOWNLOAD_FAILED: ');
});

describe('a mirror that has', () => {
  test.each([
    ['a flipped bit in the agent', 'flipped/agent-', /ARTIFACT_HASH_WRONG/],
    ['a flipped bit in the kubelet', 'flipped/kubelet-', /ARTIFACT_HASH_WRONG/],
    ['a kubelet that is cut off', 'truncated/kubelet-', /ARTIFACT_HASH_WRONG/],
    ['a kubelet without end', 'endless/kubelet-', /ARTIFACT_HASH_WRONG/],
    ['another kubelet at the second request', 'swapped/kubelet-', /ARTIFACT_HASH_WRONG/],
  ])('%s', async (_name, path, code) => {
    await expectRefusal(await paste({ REGNODE_MIRROR: `${mirror}/${path}` }), code);
  });
});

test('what cannot be had for now is gone on with, or taken back', async () => {
  const result = await paste({ REGNODE_MIRROR: `${mirror}/circle/kubelet-` });
  expect(result.stderr).toContain('[fail] ARTIFACT_DOWNLOAD_FAILED: ');
  // What came is unpacked and nothing uses it; of what didn't come there is nothing, and
  // nothing outside our own places.
  const components = '/opt/regnode/components';
  expect(await inHost(`ls -A ${components}/kubelet && find ${components} -name current`)).toBe('');
  const changes = difference(before, await observe(host));
  expect(changes.filter((change) => !change.includes('regnode'))).toEqual([]);
  await inHost('regnode leave --force && /opt/regnode/uninstall.sh --purge');
  expect(difference(before, await observe(host))).toEqual([]);
});

describe('a manifest that', () => {
  /**
   * A bundle on the host whose small files a test may damage; install.sh meets them
   * without a gateway in between.
   */
  const damaged = async (change: string): Promise<CommandResult> => {
    await inHost(`rm -rf /root/bundle && mkdir /root/bundle && tar -xf /root/bundle.tar -C /root/bundle`);
    await inHost(`cd /root/bundle && ${change}`);
    return paste({ REGNODE_ARTIFACT_DIR: '/root/bundle' });
  };
  const flip = (file: string) =>
    `f=$(ls ${file}) && printf '\\001' | dd of="$f" bs=1 seek=$(($(wc -c <"$f") / 2)) conv=notrunc status=none`;

  test.each([
    [
      'has a changed byte',
      `sig=$(ls *.sig) && ${flip('manifest.json')} && mv "$sig" $(sha256sum manifest.json | cut -c 1-64).sig`,
    ],
    ['has a changed signature', flip('*.sig')],
    ['comes with a changed key', flip('*.pem')],
    ['has no signature', 'rm *.sig'],
  ])('%s', async (_name, change) => {
    await expectRefusal(await damaged(change), /MANIFEST_NOT_TRUSTED/);
  });

  test('the gateway’s own store has with a changed byte: then not even a script comes', async () => {
    const file = join(sandbox.cloud.artifactStore, 'manifest.json');
    const good = await readFile(file);
    const bad = Buffer.from(good);
    bad[100] = (bad[100] ?? 0) ^ 1;
    // The command is made before, by a gateway that is right.
    const command = await createJoinCommand(sandbox);
    await writeFile(file, bad);
    try {
      await expectRefusal(await pasteJoinCommand(host, command), /INSTALLER_NOT_VERIFIED/);
    } finally {
      await writeFile(file, good);
    }
  });

  test('has expired: for install.sh, and for the agent by itself', async () => {
    const good = { REGNODE_MIRROR: `${mirror}/good` };
    const command = await createJoinCommand(sandbox);
    await pasteJoinCommand(host, command, { ...good, REGNODE_NO_JOIN: '1' });
    await sandbox.cloud.signArtifacts(['--lifetime', '1s']);
    await new Promise((resolve) => setTimeout(resolve, 2500)); // the manifest's own life
    const [, hash = ''] = /--artifact-key-sha256 ([0-9a-f]{64})/.exec(command) ?? [];
    const [token = ''] = /rt-[a-z0-9]{6}\.[a-z0-9]{32}/.exec(command) ?? [];
    await inHost(`curl -sk ${sandbox.cloud.gatewayUrl}/cacert >/root/ca.pem`);
    const flags = [
      '--gateway',
      sandbox.cloud.gatewayUrl,
      '--ca-file',
      '/root/ca.pem',
      '--artifact-key-sha256',
      hash,
    ];
    const agent = await host.run('regnode', ['join', ...flags], {
      timeoutMs: 120_000,
      environment: { REGNODE_TOKEN: token },
    });
    // Whatever is found here, the tests after this one need a manifest that is good.
    const refused = agent.stderr;
    expect(agent.exitCode).toBe(1);
    await inHost('/opt/regnode/uninstall.sh --purge');
    const again = await pasteJoinCommand(host, command, good);
    await sandbox.cloud.signArtifacts();
    expect(refused).toContain('[fail] MANIFEST_EXPIRED: ');
    await expectRefusal(again, /MANIFEST_EXPIRED/);
    // The refused tries have spent no use of the token.
    expect(await regnodectl(sandbox, ['token', 'list'])).toMatch(
      new RegExp(`${token.slice(3, 9)} +\\S+ +good`),
    );
  });
});

describe('between the making of a command and its pasting', () => {
  const store = () => sandbox.cloud.artifactStore;
  const scripts = async () => (await readdir(store())).filter((name) => name.endsWith('.sh'));
  /** The gateway looks at its store now and then. */
  const commandThatNames = async (script: string) => {
    const hash = sha256Hex(await readFile(script));
    const named = async () => {
      const command = await createJoinCommand(sandbox);
      return command.includes(`h=${hash};`) && command;
    };
    return waitFor('a command that names the script', named, { timeoutMs: 60_000, intervalMs: 1000 });
  };

  test('the script of the store was changed: none runs', async () => {
    const command = await createJoinCommand(sandbox);
    const [name = ''] = await scripts();
    const good = await readFile(join(store(), name), 'utf8');
    await writeFile(join(store(), name), good.replace('set -eu', 'set -eux'));
    try {
      await expectRefusal(await pasteJoinCommand(host, command), /\[fail\] INSTALLER_NOT_VERIFIED: /);
    } finally {
      await writeFile(join(store(), name), good);
    }
  });

  test('the store got a newer script: the one of the command is still there', async () => {
    const command = await createJoinCommand(sandbox);
    const newer = join(sandbox.cloud.files.folder, 'newer.sh');
    await writeFile(newer, 'echo this is the newer script >&2; exit 9\n');
    await sandbox.cloud.signArtifacts(['--install-script', newer]);
    const installed = await pasteJoinCommand(host, command, {
      REGNODE_MIRROR: `${mirror}/good`,
      REGNODE_NO_JOIN: '1',
    });
    expect(installed.exitCode, installed.stderr).toBe(0);
    await inHost('/opt/regnode/uninstall.sh --purge');
    const newest = await commandThatNames(newer);
    expect(await pasteJoinCommand(host, newest)).toMatchObject({
      exitCode: 9,
      stderr: expect.stringContaining('the newer script'),
    });
    await sandbox.cloud.signArtifacts(['--install-script', 'installer/install.sh']);
    await commandThatNames('installer/install.sh');
    expect(difference(before, await observe(host))).toEqual([]);
  });

  test('the store was set back to an older issue: a host that has seen none refuses it too', async () => {
    const { serial } = JSON.parse(await readFile(join(store(), 'manifest.json'), 'utf8')) as {
      serial: number;
    };
    const namesIt = async () => (await createJoinCommand(sandbox)).includes(`--manifest-serial ${serial}`);
    await waitFor('commands that name the newest issue', namesIt, { timeoutMs: 60_000, intervalMs: 1000 });
    const command = await createJoinCommand(sandbox);
    await sandbox.cloud.signArtifacts(['--serial', String(serial - 1)]);
    try {
      await expectRefusal(await pasteJoinCommand(host, command), /\[fail\] MANIFEST_TOO_OLD: /);
    } finally {
      await sandbox.cloud.signArtifacts();
    }
  });

  test('another key has signed the store', async () => {
    const command = await createJoinCommand(sandbox);
    const other = join(sandbox.cloud.files.folder, 'other-key.pem');
    await bundle('keygen', '--out', other);
    await bundle('sign', '--store', store(), '--key', other);
    try {
      await expectRefusal(await pasteJoinCommand(host, command), /\[fail\] MANIFEST_NOT_TRUSTED: /);
    } finally {
      await sandbox.cloud.signArtifacts();
    }
    // The gateway may have looked at its store in between.
    const [key = ''] = /--artifact-key-sha256 \w+/.exec(command) ?? [];
    const namesIt = async () => (await createJoinCommand(sandbox)).includes(key);
    await new Promise((resolve) => setTimeout(resolve, 16_000)); // its interval
    await waitFor('commands that name the right key', namesIt, { timeoutMs: 60_000, intervalMs: 1000 });
  });
});

describe('a disk that is full', () => {
  // Preflight would see each of them.
  const command = async () => `${await createJoinCommand(sandbox)} -- --ignore DISK_INODES DISK_SPACE`;
  const joinFrom = async (place: string) =>
    pasteJoinCommand(host, await command(), { REGNODE_MIRROR: `${mirror}/${place}` });

  /** A small file system of its own at a place of the host, for as long as `act` takes. */
  const onSmallDisk = async <T>(path: string, options: string, act: () => Promise<T>): Promise<T> => {
    const isThere = (await host.run('test', ['-e', path])).exitCode === 0;
    await inHost(`mkdir -p ${path} && mount -t tmpfs -o ${options} tmpfs ${path}`);
    try {
      return await act();
    } finally {
      await inHost(`umount ${path}${isThere ? '' : ` && rmdir ${path}`}`);
    }
  };
  const fill = (path: string) => inHost(`! dd if=/dev/zero of=${path}/of-somebody-else bs=4k 2>/dev/null`);
  const archivesOf = async (prefix: string) =>
    (await readdir(archives)).filter((name) => name.startsWith(prefix));

  /** Exit 1, the code, and the place and figures that are true (a MiB of free room may be in flight). */
  const expectNoSpace = async (
    result: CommandResult,
    path: RegExp,
    [freeMiB, ...neededMiB]: readonly [number, ...number[]],
  ) => {
    await expectRefusal(result, /\[fail\] NO_SPACE: /);
    const [, where, free, needed] =
      /under (\S+): (\d+) MiB free, (\d+) MiB needed/.exec(result.stdout + result.stderr) ?? [];
    expect(where).toMatch(path);
    expect(Number(free)).toSatisfy((count: number) => count === freeMiB || count === freeMiB - 1);
    expect(neededMiB).toContain(Number(needed));
    expect(await regnodectl(sandbox, ['node', 'list'])).not.toContain('idc-1');
  };

  /** Pages of 4 KiB that regnode's memory takes when its journal begins. */
  let pagesBeforeJournal = 0;

  test('while an archive comes', async () => {
    const [kubelet = ''] = await archivesOf('kubelet-');
    const others = (await archivesOf('')).length - (await archivesOf('agent-')).length - 1;
    const state = '/var/lib/regnode';
    const areDone = `test $(ls -d /opt/regnode/components/*/*/.regnode-tree.json | wc -l) = ${others} &&
      test -z "$(ls ${state}/artifacts)" && test "$(curl -s ${mirror}/holding)" = true`;
    const result = await onSmallDisk(state, 'size=1g', async () => {
      const joining = joinFrom('held/kubelet-');
      const isHeld = async () => (await host.run('sh', ['-c', areDone])).exitCode === 0;
      await waitFor('one archive to be half there', isHeld, { timeoutMs: 60_000, intervalMs: 200 });
      pagesBeforeJournal = Number(
        await inHost(
          `find ${state} -type f ! -name journal ! -name '*.part' -printf '%s\n' |
            awk '{ pages += int(($1 + 4095) / 4096) } END { print pages }'`,
        ),
      );
      await fill(state);
      await inHost(`curl -s ${mirror}/release`);
      return joining;
    });
    const bytes = (await stat(join(archives, kubelet))).size;
    const mebibytes = (count: number) => count / 1024 / 1024;
    // What had come was given back, and half of it was there.
    await expectNoSpace(result, /^\/var\/lib\/regnode\/staging\/[0-9a-f]{64}\.part$/, [
      Math.floor(mebibytes(bytes / 2)),
      Math.ceil(mebibytes(bytes)) + 64,
    ]);
  });

  test('so that the journal cannot be written', async () => {
    const pages = pagesBeforeJournal + 1;
    const result = await onSmallDisk('/var/lib/regnode', `size=${pages * 4}k`, () => joinFrom('good'));
    await expectNoSpace(result, /^\/var\/lib\/regnode\/journal$/, [0, 1]);
  });

  test('of inodes, in the middle of unpacking', async () => {
    // Room for every byte, but not for every file: what asks for room beforehand doesn't see it coming.
    const [agent = ''] = await archivesOf('agent-');
    const files = (await run('tar', ['-tzf', join(archives, agent)])).stdout.split('\n').length;
    const options = `size=4g,nr_inodes=${files + 30}`;
    const result = await onSmallDisk('/opt', options, () => joinFrom('good'));
    await expectRefusal(result, /NO_INODES/);
  });

  test('under containerd, which imports images', async () => {
    const result = await onSmallDisk('/var/lib/containerd', 'size=48m', () => joinFrom('good'));
    // Of whichever is first: they are imported side by side.
    const needed = (await archivesOf('images-')).map(async (name) => {
      const read = `tar -xOzf ${join(archives, name)} --wildcards '*.tar' | wc -c`;
      return 64 + Math.ceil((2 * Number((await run('sh', ['-c', read])).stdout)) / 1024 / 1024);
    });
    await expectNoSpace(result, /^\/var\/lib\/containerd$/, [47, ...(await Promise.all(needed))]);
  });

  test('under /etc, where two more files fit', async () => {
    await inHost('cp -a /etc /root/etc');
    const result = await onSmallDisk('/etc', 'size=64m', async () => {
      await inHost('cp -a /root/etc/. /etc');
      await fill('/etc');
      await inHost('truncate --size=-8192 /etc/of-somebody-else');
      return joinFrom('good');
    });
    await inHost('rm -r /root/etc');
    await expectNoSpace(result, /^\/etc\/\S+$/, [0, 1]);
  });
});

test('a host without a way to any artifact server joins from one tar, made since the command’s own issue', async () => {
  const old = await paste({ REGNODE_ARTIFACT_DIR: '/root/bundle.tar' });
  await expectRefusal(old, /\[fail\] MANIFEST_TOO_OLD: /);
  const { artifactStore } = sandbox.cloud;
  for (const name of await readdir(artifactStore))
    await copyFile(join(artifactStore, name), join(archives, name));
  await exportTar(archives);
  before = await observe(host);
  const joined = await paste({ REGNODE_ARTIFACT_DIR: '/root/bundle.tar' });
  expect(joined.exitCode, joined.stdout + joined.stderr).toBe(0);
  await waitForReady(sandbox, 'idc-1');
  await leave();
});

test('from a mirror, past one that is away and one that lies', async () => {
  const mirrors = [`http://${sandbox.cloud.address}:1`, `${mirror}/flipped/kubelet-`, `${mirror}/good`];
  const joined = await paste({ REGNODE_MIRROR: mirrors.join(',') });
  expect(joined.exitCode, joined.stdout + joined.stderr).toBe(0);
  await waitForReady(sandbox, 'idc-1');
});

test('a node believes no older manifest than the newest that it has seen, also after a restart', async () => {
  const trust = async () =>
    JSON.parse(await inHost('cat /var/lib/regnode/trust.json')) as { trust: { serial: number } };
  await sandbox.cloud.signArtifacts();
  const { serial } = JSON.parse(
    await readFile(join(sandbox.cloud.artifactStore, 'manifest.json'), 'utf8'),
  ) as {
    serial: number;
  };
  const isSeen = async () => (await trust()).trust.serial === serial;
  await waitFor('the new serial on the host', isSeen, { timeoutMs: 90_000, intervalMs: 1000 });

  await sandbox.cloud.signArtifacts(['--serial', String(serial - 1)]);
  await waitFor(
    'the refusal',
    async () => (await host.run('regnode', ['status'])).stdout.includes('MANIFEST_ROLLED_BACK'),
    {
      timeoutMs: 90_000,
      intervalMs: 1000,
      detail: async () => (await host.run('regnode', ['status'])).stdout,
    },
  );
  const again = await paste({ REGNODE_MIRROR: `${mirror}/good` });
  expect(again.stderr).toContain('[fail] MANIFEST_ROLLED_BACK: ');
  await host.kill('regnode', 'SIGKILL');
  expect((await trust()).trust.serial).toBe(serial);
  expect(await readyStatus(sandbox, 'idc-1')).toBe('True');

  await sandbox.cloud.signArtifacts(['--serial', String(serial + 1)]);
  const isRunning = async () => {
    const { stdout } = await host.run('regnode', ['status']);
    return (await trust()).trust.serial === serial + 1 && !stdout.includes('MANIFEST_ROLLED_BACK');
  };
  await waitFor('the node to be right again', isRunning, { timeoutMs: 120_000, intervalMs: 1000 });
  await leave();
  await rm(archives, { recursive: true });
});
