// Files at the host door, on a temporary folder: what is absent, what is too large, what stands in the way,
// and that a fixture root is never left through a link.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { createHost } from '../../../../agent/host/real.ts';
import { openSpoolDisk } from '../../../../agent/host/spool-disk.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

let root: string;
let host: Host;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-files-'));
  host = fixtureHost(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('reading', () => {
  test('what is not there is undefined', async () => {
    await writeFile(join(root, 'file'), 'x');
    for (const path of ['/none', '/none/below', '/file/below']) {
      expect(await host.files.readText(path)).toBeUndefined();
      expect(await host.files.status(path)).toBeUndefined();
      expect(await host.files.list(path)).toBeUndefined();
      expect(await host.files.sha256(path)).toBeUndefined();
      expect(await host.files.exists(path)).toBe(false);
    }
  });

  test('a file above the limit is a fault that names it', async () => {
    await writeFile(join(root, 'large'), 'x'.repeat(11));
    await expect(host.files.readText('/large', 10)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      values: { path: '/large' },
    });
    expect(await host.files.readText('/large', 11)).toHaveLength(11);
  });

  test('links lead nowhere outside the root', async () => {
    await mkdir(join(root, 'etc'));
    await writeFile(join(root, 'etc/os-release'), 'ours');
    await symlink('/etc/os-release', join(root, 'absolute'));
    await symlink('../../../../../../../etc/os-release', join(root, 'etc/relative'));
    await symlink('/etc', join(root, 'folder'));
    for (const path of ['/absolute', '/etc/relative', '/folder/os-release', '/../../etc/os-release']) {
      expect(await host.files.readText(path)).toBe('ours');
    }
    await symlink('/loop', join(root, 'loop'));
    await expect(host.files.readText('/loop')).rejects.toMatchObject({ code: 'ELOOP' });
  });
});

describe('writing', () => {
  test('replaces content and mode at once and leaves no temporary file', async () => {
    await writeFile(join(root, 'a'), 'old');
    await writeFile(join(root, '.a.regnode-new'), 'what a crash left');
    await host.files.write('/a', 'new', { mode: 0o600 });
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('new');
    expect(await host.files.status('/a')).toMatchObject({ kind: 'file', mode: 0o600 });
    expect(await readdir(root)).toEqual(['a']);
  });

  test('replaces a link itself, not what it points to', async () => {
    await writeFile(join(root, 'target'), 'kept');
    await symlink('/target', join(root, 'link'));
    await host.files.write('/link', 'new', { mode: 0o644 });
    expect(await readFile(join(root, 'target'), 'utf8')).toBe('kept');
    expect((await host.files.status('/link'))?.kind).toBe('file');
  });

  test('a link is flipped', async () => {
    await host.files.makeLink('/current', 'v1');
    await host.files.makeLink('/current', 'v2');
    expect(await readlink(join(root, 'current'))).toBe('v2');
    expect(await host.files.status('/current')).toMatchObject({ kind: 'link', target: 'v2' });
  });

  test('a stream goes on at its offset and cuts what stood behind it', async () => {
    await writeFile(join(root, 'part'), 'abcXXXXXXXX');
    async function* rest() {
      yield Buffer.from('de');
      yield Buffer.from('f');
    }
    expect(await host.files.writeStream('/part', rest(), { mode: 0o600, offset: 3 })).toBe(6);
    expect(await host.files.readText('/part')).toBe('abcdef');
  });

  test('a stream of small and large pieces is written as it came', async () => {
    const chunks = [1, 16_384, 300_000, 7, 262_144, 262_143, 0, 100].map((bytes, at) =>
      Buffer.alloc(bytes, at),
    );
    async function* source() {
      yield* chunks;
    }
    const all = Buffer.concat(chunks);
    expect(await host.files.writeStream('/whole', source(), { mode: 0o600 })).toBe(all.length);
    expect(all.equals(await readFile(join(root, 'whole')))).toBe(true);
  });

  test('of a stream that breaks off all that came is kept', async () => {
    async function* source() {
      yield Buffer.from('abc');
      yield Buffer.from('def');
      throw new Error('cut off');
    }
    await expect(host.files.writeStream('/part', source(), { mode: 0o600 })).rejects.toThrow('cut off');
    expect(await readFile(join(root, 'part'), 'utf8')).toBe('abcdef');
  });

  test('directories get their mode whatever the umask is, and go only when empty', async () => {
    await host.files.makeDirectory('/open', 0o777);
    expect((await host.files.status('/open'))?.mode).toBe(0o777);
    await host.files.write('/open/file', '', { mode: 0o644 });
    expect(await host.files.removeEmptyDirectory('/open')).toBe(false);
    await host.files.removeFile('/open/file');
    await host.files.removeFile('/open/file');
    expect(await host.files.removeEmptyDirectory('/open')).toBe(true);
    expect(await host.files.removeEmptyDirectory('/open')).toBe(true);
  });

  test('an appender appends to what is there', async () => {
    for (const line of ['one\n', 'two\n']) {
      const appender = await host.files.openAppender('/journal', 0o600);
      await appender.append(line);
      await appender.close();
    }
    expect(await host.files.readText('/journal')).toBe('one\ntwo\n');
  });
});

test('sysctl names keep a dot in an interface name by a slash', async () => {
  await mkdir(join(root, 'proc/sys/net/ipv4/conf/eth0.1'), { recursive: true });
  await writeFile(join(root, 'proc/sys/net/ipv4/conf/eth0.1/forwarding'), '0\n');
  await host.setSysctl('net.ipv4.conf.eth0/1.forwarding', '1');
  expect(await host.sysctl('net.ipv4.conf.eth0/1.forwarding')).toBe('1');
  expect(await host.sysctl('net.bridge.none')).toBeUndefined();
  await expect(host.sysctl('net/../../../etc/passwd')).rejects.toThrow('not a sysctl name');
});

test('only a file is hashed, and none that is larger than allowed', async () => {
  const { files } = createHost();
  await writeFile(join(root, 'file'), 'x'.repeat(3 * 1024 * 1024));
  const expected = createHash('sha256')
    .update('x'.repeat(3 * 1024 * 1024))
    .digest('hex');
  expect(await files.sha256(join(root, 'file'))).toBe(expected);
  await symlink('/dev/zero', join(root, 'zeros'));
  await expect(files.sha256(join(root, 'zeros'))).rejects.toMatchObject({
    code: 'PATH_OCCUPIED',
    values: { path: join(root, 'zeros'), kind: 'device' },
  });
  await expect(files.sha256(root)).rejects.toMatchObject({ code: 'PATH_OCCUPIED' });
  await expect(files.sha256(join(root, 'file'), 1024)).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
  });
});

describe('a file that was opened is closed when', () => {
  const openHere = async () => {
    const links = (await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`));
    const found = await Promise.all(links.map((link) => link.catch(() => '')));
    return found.filter((path) => path.startsWith(root));
  };

  async function failing(name: 'stat' | 'sync', act: () => Promise<unknown>): Promise<void> {
    const some = await open('/dev/null');
    const prototype: FileHandle = Object.getPrototypeOf(some);
    await some.close();
    const refused = vi.spyOn(prototype, name).mockRejectedValue(new Error('refused'));
    try {
      await expect(act()).rejects.toThrow('refused');
    } finally {
      refused.mockRestore();
    }
    expect(await openHere()).toEqual([]);
  }

  test('what it is cannot be told', async () => {
    await writeFile(join(root, 'file'), 'x');
    const { files } = createHost();
    await failing('stat', () => files.readText(join(root, 'file')));
    await failing('stat', () => files.sha256(join(root, 'file')));
  });

  test('its folder of the spool cannot be synced', async () => {
    await failing('sync', () => openSpoolDisk(root).create('segment'));
  });

  test('its stream is not read to its end', async () => {
    await writeFile(join(root, 'file'), 'x'.repeat(3 * 1024 * 1024));
    const { files } = createHost();
    for await (const _chunk of files.readStream(join(root, 'file'), 0, 3 * 1024 * 1024)) break;
    await vi.waitFor(async () => expect(await openHere()).toEqual([]), { timeout: 30_000 });
  });
});

describe('a pipe that others put in the place of ours', () => {
  test('of a file that is read in pieces, as a bundle in /tmp is: it is refused', async () => {
    const path = join(root, 'bundle.tar');
    await execa('mkfifo', [path]);
    const { files } = createHost();
    const first = files.readStream(path, 0, 512)[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({
      code: 'PATH_OCCUPIED',
      values: { path, kind: 'pipe' },
    });
    // Its mode is set, or not: a pipe can't be synced.
    await expect(files.setMode(path, { mode: 0o600 })).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('of a folder, in the moment in which it is made: nobody is held', async () => {
    const path = join(root, 'pods');
    const script = `use POSIX; $| = 1; print "on\\n";
      while (getppid() == ${process.pid}) { mkfifo($ARGV[0], 0600) if rmdir $ARGV[0] }`;
    const rival = execa('perl', ['-e', script, path], { reject: false });
    await once(rival.stdout as NodeJS.ReadableStream, 'data');
    const { files } = createHost();
    const met = new Set<unknown>();
    for (let count = 0; count < 300; count++) {
      await files.makeDirectory(path, 0o755).catch((error: { code: unknown }) => met.add(error.code));
      await files.removeTree(path).catch(() => []);
    }
    rival.kill('SIGKILL');
    await rival;
    expect([...met].filter((code) => !['ENOTDIR', 'ENOENT', 'EEXIST'].includes(String(code)))).toEqual([]);
  }, 60_000);
});

test('a pipe in the place of a file is refused and holds nobody; one that is handed over is read', async () => {
  await execa('mkfifo', [join(root, 'pipe')]);
  const real = createHost().files;
  const path = join(root, 'pipe');
  for (const read of [() => real.readText(path), () => real.readBytes(path), () => real.sha256(path)])
    await expect(read()).rejects.toMatchObject({ code: 'PATH_OCCUPIED', values: { path, kind: 'pipe' } });
  const remove = `import('./agent/host/real.ts').then(async ({ createHost }) =>
    console.log(await createHost().files.readText('/dev/fd/3')));`;
  const { stdout } = await execa('bash', [
    '-c',
    'exec "$0" -e "$1" 3< <(sleep 0.2; echo token)',
    process.execPath,
    remove,
  ]);
  expect(stdout.trim()).toBe('token');
});
