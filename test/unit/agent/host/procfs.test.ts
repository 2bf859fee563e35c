// Reading files that change, grow and vanish.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Procfs } from '../../../../agent/host/procfs.ts';
import { RemoteSpaces } from '../../../../agent/host/remote-space.ts';
import { mountsOf } from '../../../../agent/telemetry/collectors/mounts.ts';

let root = '';
let procfs = new Procfs();

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-procfs-'));
  await mkdir(join(root, 'proc'));
  procfs = new Procfs(root);
});
afterEach(async () => {
  procfs.close();
  await rm(root, { recursive: true });
});

test('what is not there is undefined, NaN, or none', () => {
  expect(procfs.text('/proc/absent')).toBeUndefined();
  expect(procfs.number('/sys/absent')).toBeNaN();
  expect(procfs.list('/sys/absent')).toEqual([]);
  expect(procfs.space('/absent')).toBeUndefined();
});

test('a file that is no number is NaN, a folder in place of a file is an error', async () => {
  await writeFile(join(root, 'proc/word'), 'word\n');
  expect(procfs.number('/proc/word')).toBeNaN();
  expect(() => procfs.text('/proc')).toThrow('EISDIR');
});

test('a file that is kept open is read anew each time', async () => {
  await writeFile(join(root, 'proc/loadavg'), '0.1\n');
  expect(procfs.number('/proc/loadavg')).toBe(0.1);
  await writeFile(join(root, 'proc/loadavg'), '0.22\n');
  expect(procfs.number('/proc/loadavg')).toBe(0.22);
});

test('a file longer than the buffer comes whole, one beyond the limit is refused', async () => {
  await writeFile(join(root, 'proc/long'), 'x'.repeat(200_000));
  expect(procfs.text('/proc/long')).toHaveLength(200_000);
  await writeFile(join(root, 'proc/endless'), 'x'.repeat(5_000_000));
  expect(() => procfs.text('/proc/endless')).toThrow('longer than');
});

test('a table of mounts that a user has made long is read whole, without what he mounted for himself', async () => {
  const blanks = '\\040'.repeat(4000);
  const of = (name: string, options: string) =>
    `s:${blanks} /mnt/${blanks}${name} fuse.sshfs rw,${options} 0 0`;
  const private_ = Array.from({ length: 400 }, (_, index) => of(`${index}`, 'user_id=1000,group_id=1000'));
  const shown = [
    '/dev/vda1 / ext4 rw 0 0',
    of('shared', 'user_id=1000,group_id=1000,allow_other'),
    of('roots', 'user_id=0,group_id=0'),
    'nfs:/x /data nfs4 rw 0 0',
  ];
  const table = [
    ...shown.slice(0, 2),
    ...private_,
    `x${'y'.repeat(100_000)} /long ext4 rw 0 0`,
    ...shown.slice(2),
  ];
  await mkdir(join(root, 'proc/self'));
  await writeFile(join(root, 'proc/self/mounts'), `${table.join('\n')}\n`);
  const found = [...mountsOf(procfs, () => true)].map(
    ({ point, type }) => `${point.trim().slice(-6)} ${type}`,
  );
  expect(found).toEqual(['/ ext4', 'shared fuse.sshfs', ' roots fuse.sshfs', '/data nfs4']);
});

test.runIf(process.getuid?.() === 0)(
  'mounts with very long names are listed, so that a leave finds its own',
  async () => {
    // A file of the kernel's is stood for by one of ours, in a mount namespace of its own.
    const script = `
    import { createHost } from './agent/host/real.ts';
    const mounts = await createHost().mounts();
    console.log(mounts.length, mounts.at(-1).path);`;
    const name = '\\040'.repeat(4000);
    const rows = Array.from(
      { length: 1100 },
      (_, index) => `${index + 9} 1 0:9 / /h/${name}${index} rw - fuse.x s rw`,
    );
    const table = join(root, 'mountinfo');
    await writeFile(
      table,
      `${[...rows, '8 1 0:8 / /var/lib/kubelet/pods/x rw - tmpfs tmpfs rw'].join('\n')}\n`,
    );
    const inside = `mount --bind ${table} /proc/$$/mountinfo && exec ${process.execPath} --input-type=module-typescript -e "$0"`;
    const { stdout } = await promisify(execFile)('unshare', ['--mount', 'sh', '-c', inside, script]);
    expect(stdout.trim()).toBe('1101 /var/lib/kubelet/pods/x');
  },
  60_000,
);

test('a mount that may hang is asked in the background: nothing at first, then an answer', async () => {
  const spaces = new RemoteSpaces({ monotonicMs: () => performance.now() });
  expect(spaces.space(root)).toBeUndefined();
  await vi.waitFor(() => expect(spaces.space(root)?.blocks).toBeGreaterThan(0), { timeout: 10_000 });
  await spaces.close();
});
