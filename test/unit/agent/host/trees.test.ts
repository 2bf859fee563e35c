// The bug that deleted a host's /etc (eks-hybrid#664), word for word: a live bind mount below a folder that
// is removed. With root the mounts are real; without, the tests of links remain.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHost } from '../../../../agent/host/real.ts';

const host = createHost();
let root: string;
let mounted: string[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-trees-'));
  await mkdir(join(root, 'etc'));
  await writeFile(join(root, 'etc/passwd'), 'root');
  await mkdir(join(root, 'kubelet/pods/a/volumes'), { recursive: true });
  await writeFile(join(root, 'kubelet/pods/a/file'), 'x');
});
afterEach(async () => {
  for (const path of mounted.reverse()) execFileSync('umount', [path]);
  mounted = [];
  await rm(root, { recursive: true, force: true });
});

function mount(...args: string[]): void {
  execFileSync('mount', args);
  mounted.push(args.at(-1) as string);
}

test('links are removed, never followed', async () => {
  await symlink(join(root, 'etc'), join(root, 'kubelet/pods/a/etc'));
  await symlink(join(root, 'etc/passwd'), join(root, 'kubelet/passwd'));
  expect(await host.files.removeTree(join(root, 'kubelet'))).toEqual([]);
  expect(await readdir(root)).toEqual(['etc']);
  expect(await readFile(join(root, 'etc/passwd'), 'utf8')).toBe('root');
});

test('a link as the folder itself: only the link goes', async () => {
  await symlink(join(root, 'etc'), join(root, 'link'));
  expect(await host.files.removeTree(join(root, 'link'), { contentsOnly: true })).toEqual([
    join(root, 'link'),
  ]);
  expect(await host.files.removeTree(join(root, 'link'))).toEqual([]);
  expect(await readdir(join(root, 'etc'))).toEqual(['passwd']);
});

test('what is absent is removed already; contents only keeps the folder', async () => {
  expect(await host.files.removeTree(join(root, 'none'))).toEqual([]);
  expect(await host.files.removeTree(join(root, 'kubelet'), { contentsOnly: true })).toEqual([]);
  expect(await readdir(join(root, 'kubelet'))).toEqual([]);
});

test('names right in the folder that are to stay do, with all that is in them', async () => {
  await mkdir(join(root, 'kubelet/of-its-owner/pods'), { recursive: true });
  await writeFile(Buffer.concat([Buffer.from(join(root, 'kubelet/')), Buffer.from([0xd6, 0xd0])]), 'x');
  const left = await host.files.removeTree(join(root, 'kubelet'), {
    contentsOnly: true,
    kept: ['of-its-owner'],
  });
  expect(left).toEqual([]);
  expect(await readdir(join(root, 'kubelet'))).toEqual(['of-its-owner']);
  expect(await readdir(join(root, 'kubelet/of-its-owner'))).toEqual(['pods']);
});

test('names that are no UTF-8, as pods and GBK have them', async () => {
  const folder = Buffer.from(join(root, 'kubelet/pods/'));
  const gbk = Buffer.from([0xd6, 0xd0, 0xce, 0xc4]);
  await mkdir(Buffer.concat([folder, gbk]));
  await writeFile(Buffer.concat([folder, gbk, Buffer.from('/'), gbk]), 'x');
  expect(await host.files.removeTree(join(root, 'kubelet'))).toEqual([]);
  expect(await readdir(root)).toEqual(['etc']);
});

// A process of its own, since one can't give itself fewer descriptors.
test('a way down that is longer than the descriptors of a process', async () => {
  await mkdir(join(root, 'kubelet/pods/a', 'd/'.repeat(700)), { recursive: true });
  await writeFile(join(root, 'kubelet/pods/a', 'd/'.repeat(700), 'file'), 'x');
  const remove = `import('./agent/host/trees.ts').then(async ({ removeTree }) =>
    console.log(JSON.stringify(await removeTree(process.argv[1]))));`;
  const child = [
    '-c',
    'ulimit -n 256; exec "$0" -e "$1" "$2"',
    process.execPath,
    remove,
    join(root, 'kubelet'),
  ];
  const { stdout } = await execa('sh', child);
  expect(stdout).toBe('[]');
  expect(await readdir(root)).toEqual(['etc']);
});

test('what is too deep for one go keeps to the folder, and to what it may not enter', async () => {
  const deep = join(root, 'kubelet/pods/a', 'd/'.repeat(200));
  await mkdir(deep, { recursive: true });
  await symlink(join(root, 'etc'), join(deep, 'etc'));
  expect(await host.files.removeTree(join(root, 'kubelet'), { contentsOnly: true })).toEqual([]);
  expect(await readdir(join(root, 'kubelet'))).toEqual([]);
  expect(await readdir(join(root, 'etc'))).toEqual(['passwd']);
});

describe.skipIf(process.getuid?.() !== 0)('with mounts (needs root)', () => {
  test('a live bind mount of /etc under the kubelet folder survives', async () => {
    const inside = join(root, 'kubelet/pods/a/volumes');
    mount('--bind', join(root, 'etc'), inside);
    expect(await host.files.removeTree(join(root, 'kubelet'))).toEqual([inside]);
    expect(await readFile(join(root, 'etc/passwd'), 'utf8')).toBe('root');
    expect(await readdir(join(root, 'kubelet/pods/a'))).toEqual(['volumes']);
  });

  test('a bind mount far below survives too', async () => {
    const inside = join(root, 'kubelet/pods/a', 'd/'.repeat(200), 'inside');
    await mkdir(inside, { recursive: true });
    mount('--bind', join(root, 'etc'), inside);
    const left = await host.files.removeTree(join(root, 'kubelet'));
    expect(left).toHaveLength(1);
    expect(await readFile(join(left[0] ?? '', 'passwd'), 'utf8')).toBe('root');
    mounted = left.slice();
  });

  test('another file system is not entered, a file that is a mount point stays', async () => {
    mount('-t', 'tmpfs', 'tmpfs', join(root, 'kubelet/pods/a/volumes'));
    await writeFile(join(root, 'kubelet/pods/a/volumes/kept'), 'x');
    mount('--bind', join(root, 'etc/passwd'), join(root, 'kubelet/pods/a/file'));
    expect(new Set(await host.files.removeTree(join(root, 'kubelet')))).toEqual(
      new Set([join(root, 'kubelet/pods/a/volumes'), join(root, 'kubelet/pods/a/file')]),
    );
    expect(await readdir(join(root, 'kubelet/pods/a/volumes'))).toEqual(['kept']);
  });

  test('the folder itself as a mount point stays whole, unless its contents are asked for', async () => {
    mount('--bind', join(root, 'etc'), join(root, 'kubelet'));
    expect(await host.files.removeTree(join(root, 'kubelet'))).toEqual([join(root, 'kubelet')]);
    expect(await readdir(join(root, 'etc'))).toEqual(['passwd']);
    expect(await host.files.removeTree(join(root, 'kubelet'), { contentsOnly: true })).toEqual([]);
    expect(await readdir(join(root, 'etc'))).toEqual([]);
  });
});
