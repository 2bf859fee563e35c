// What the door tells of a disk that refuses: which code, which path, which figures; and
// that all else passes as it is.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { refusalIn, withDiskFaults } from '../../../../agent/host/disk-faults.ts';
import type { FileSpace, HostFiles } from '../../../../agent/host/host.ts';
import { createHost } from '../../../../agent/host/real.ts';
import { mustRun } from '../../../../agent/plan/command.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-disk-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const space: FileSpace = { totalBytes: 1e9, freeBytes: 2.9 * 1024 * 1024, totalInodes: 1000, freeInodes: 10 };

function filesThat(code: string, found: Partial<FileSpace> = {}): HostFiles {
  const refuse = async () => {
    throw Object.assign(new Error(`${code}: refused`), { code, syscall: 'write' });
  };
  const { files } = fixtureHost(root);
  return withDiskFaults({
    ...files,
    write: refuse,
    rename: refuse,
    space: async () => ({ ...space, ...found }),
    openAppender: async () => ({ append: refuse, close: async () => undefined }),
  });
}

describe('a write', () => {
  test.each([
    ['ENOSPC', {}, { code: 'NO_SPACE', values: { path: '/etc/a', freeMiB: 2, neededMiB: 3 } }],
    ['ENOSPC', { freeInodes: 0 }, { code: 'NO_INODES', values: { path: '/etc/a' } }],
    // As on btrfs: inodes are made as they are needed, and none is ever counted.
    ['ENOSPC', { totalInodes: 0, freeInodes: 0 }, { code: 'NO_SPACE' }],
    ['EDQUOT', {}, { code: 'DISK_QUOTA', values: { path: '/etc/a', neededMiB: 3 } }],
    ['EROFS', {}, { code: 'READ_ONLY', values: { path: '/etc/a' } }],
    ['EIO', {}, { code: 'DISK_ERROR', values: { path: '/etc/a' } }],
    ['EACCES', {}, { code: 'EACCES' }],
  ] as const)('that meets %s %o', async (code, found, fault) => {
    const write = filesThat(code, found).write('/etc/a', Buffer.alloc(2.5 * 1024 * 1024), { mode: 0o600 });
    await expect(write).rejects.toMatchObject(fault);
  });

  test('to a journal, and a rename by its new name', async () => {
    const files = filesThat('ENOSPC');
    const appender = await files.openAppender('/var/lib/j', 0o600);
    await expect(appender.append('x')).rejects.toMatchObject({
      values: { path: '/var/lib/j', neededMiB: 1 },
    });
    await expect(files.rename('/a', '/b')).rejects.toMatchObject({ values: { path: '/b' } });
  });
});

describe('a command', () => {
  const failing = (stderr: string) => fixtureHost(root, { commands: () => ({ exitCode: 1, stderr }) });
  const fills = { path: '/opt', bytes: 7 * 1024 * 1024 };

  test.each([
    ['tar: bin/kubelet: Cannot write: No space left on device', 'NO_SPACE', '/opt'],
    ['ctr: write /opt/x/data: no space left on device', 'NO_SPACE', '/opt'],
    ['ctr: open /tmp/x: read-only file system', 'READ_ONLY', '/tmp/x'],
    ['tar: b: Cannot write: Disk quota exceeded', 'DISK_QUOTA', '/opt'],
    ['tar: b: Cannot write: Input/output error', 'DISK_ERROR', '/opt'],
  ])('that says "%s"', async (stderr, code, path) => {
    const run = mustRun(failing(stderr), 'tar', ['-x'], { fills });
    await expect(run).rejects.toMatchObject({ code, values: { path } });
  });

  test('that needs so much says how much there is', async () => {
    const run = mustRun(failing('No space left on device'), 'tar', [], { fills });
    await expect(run).rejects.toMatchObject({ values: { neededMiB: 7, freeMiB: expect.any(Number) } });
  });

  test('that fails otherwise is a command that failed', async () => {
    expect(refusalIn('No such file or directory')).toBeUndefined();
    await expect(mustRun(failing('no'), 'tar', [], { fills })).rejects.toMatchObject({
      code: 'COMMAND_FAILED',
    });
  });
});

describe.skipIf(process.getuid?.() !== 0)('a file system of 64 KiB (needs root)', () => {
  const { files, processes } = createHost();
  beforeEach(() => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', root]));
  afterEach(() => execFileSync('umount', [root]));

  test('an append that does not fit leaves no half line, and a smaller one follows', async () => {
    const appender = await files.openAppender(`${root}/journal`, 0o600);
    await appender.append('x'.repeat(40_000));
    const values = { path: `${root}/journal`, freeMiB: 0, neededMiB: 1 };
    await expect(appender.append('y'.repeat(40_000))).rejects.toMatchObject({ code: 'NO_SPACE', values });
    expect(statSync(`${root}/journal`).size).toBe(40_000);
    await appender.append('z'.repeat(1000));
    expect(statSync(`${root}/journal`).size).toBe(41_000);
    await appender.close();
  });

  test('a file that does not fit is not there, nor half of it', async () => {
    const write = files.write(`${root}/a`, Buffer.alloc(100_000), { mode: 0o600 });
    await expect(write).rejects.toMatchObject({ code: 'NO_SPACE' });
    expect(await files.list(root)).toEqual([]);
  });

  test('the lock is had on a full one too', async () => {
    writeFileSync(`${root}/full`, Buffer.alloc(64 * 1024 - 4096));
    await files.write(`${root}/rest`, Buffer.alloc(4096), { mode: 0o600 }).catch(() => undefined);
    const lock = await processes.lock(`${root}/lock`, 'regnode leave');
    expect(lock).toHaveProperty('release');
    if ('release' in lock) await lock.release();
  });
});
