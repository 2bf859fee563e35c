// eks-hybrid#664 with real mounts: a live bind mount of /etc below a folder that is ours, also
// one of a shared tree with mounts of its own, which hands unmounts on to where it came from
// unless it is made private before.
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { createHost } from '../../../../agent/host/real.ts';
import type { Backups } from '../../../../agent/plan/backups.ts';
import { directoryKind } from '../../../../agent/plan/kinds/directory.ts';
import { type DirectoryEntry, directoryEntrySchema, encodeMark } from '../../../../agent/plan/mark.ts';
import type { DirectoryResource } from '../../../../agent/plan/resource.ts';

const host: Host = createHost();
const backups: Backups = { save: async () => '', load: async () => undefined };
let root: string;
let kubelet: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'regnode-unmount-')));
  kubelet = join(root, 'kubelet');
  for (const folder of ['etc/pki', 'other', 'kubelet']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'root');
  writeFileSync(join(root, 'other/certificate'), 'x');
});
afterEach(() => {
  const below = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${root}/`) || path === root);
  for (const path of below.reverse()) execFileSync('umount', ['--lazy', path]);
  rmSync(root, { recursive: true, force: true });
});

const mount = (...args: string[]) => execFileSync('mount', args);
const isMounted = (path: string) => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);

/** Notes the folder, lets `act` happen in it, and undoes it. */
async function undoAfter(act: (entry: DirectoryEntry) => void) {
  const resource: DirectoryResource = { kind: 'directory', path: kubelet, mode: 0o755, content: 'ours' };
  const tools = { host, backups };
  const entry = await directoryKind.record(tools, resource, await directoryKind.observe(host, resource));
  act(directoryEntrySchema.parse(entry));
  return directoryKind.undo(tools, [entry]);
}

describe.skipIf(process.getuid?.() !== 0)('with mounts (needs root)', () => {
  test('a live bind mount of /etc is taken down and /etc is whole', async () => {
    const outcome = await undoAfter(() => {
      mkdirSync(join(kubelet, 'pods/a/volumes'), { recursive: true });
      mount('--bind', join(root, 'etc'), join(kubelet, 'pods/a/volumes'));
    });
    expect(outcome).toEqual({ outcome: 'restored' });
    expect(readdirSync(kubelet)).toEqual([]);
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toBe('root');
  });

  test("a bind mount of a shared tree: the tree's own mounts stay where they were", async () => {
    mount('--bind', root, root);
    mount('--make-shared', root);
    mount('--bind', join(root, 'other'), join(root, 'etc/pki'));
    const outcome = await undoAfter(() => {
      mkdirSync(join(kubelet, 'volume'));
      mount('--rbind', join(root, 'etc'), join(kubelet, 'volume'));
      expect(isMounted(join(kubelet, 'volume/pki'))).toBe(true);
    });
    expect(outcome).toEqual({ outcome: 'restored' });
    expect(readdirSync(kubelet)).toEqual([]);
    expect(isMounted(join(root, 'etc/pki'))).toBe(true);
    expect(readFileSync(join(root, 'etc/pki/certificate'), 'utf8')).toBe('x');
  });

  test('a mount that was there before us stays, with all that is in it', async () => {
    mkdirSync(join(kubelet, 'theirs'));
    mount('--bind', join(root, 'etc'), join(kubelet, 'theirs'));
    const outcome = await undoAfter(() => mkdirSync(join(kubelet, 'pods')));
    expect(outcome).toEqual({ outcome: 'restored' });
    expect(readdirSync(kubelet)).toEqual(['theirs']);
    expect(readFileSync(join(kubelet, 'theirs/passwd'), 'utf8')).toBe('root');
  });

  test('the folder itself as a mount point before us: emptied, and still mounted', async () => {
    mount('--bind', join(root, 'other'), kubelet);
    const outcome = await undoAfter(() => mkdirSync(join(kubelet, 'pods/a'), { recursive: true }));
    expect(outcome).toEqual({ outcome: 'restored' });
    expect(readdirSync(kubelet)).toEqual(['certificate']);
    expect(isMounted(kubelet)).toBe(true);
  });

  test('our folder that its owner has moved to another disk since: emptied there, and still mounted', async () => {
    for (const madeByUs of [true, false]) {
      if (madeByUs) rmSync(kubelet, { recursive: true });
      const outcome = await undoAfter((entry) => {
        if (madeByUs) mkdirSync(kubelet);
        mkdirSync(join(root, 'disk/pki'), { recursive: true });
        writeFileSync(join(root, 'disk/pki/kubelet-client-current.pem'), 'a key');
        writeFileSync(join(root, 'disk/.regnode'), encodeMark([entry]));
        mount('--bind', join(root, 'disk'), kubelet);
      });
      expect(outcome).toEqual({ outcome: 'restored' });
      expect(isMounted(kubelet)).toBe(true);
      expect(readdirSync(join(root, 'disk'))).toEqual([]);
      execFileSync('umount', [kubelet]);
    }
  });

  test('something mounted over our folder since is taken down, not emptied', async () => {
    const outcome = await undoAfter(() => mount('--bind', join(root, 'etc'), kubelet));
    expect(outcome).toEqual({ outcome: 'restored' });
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toBe('root');
    expect(readdirSync(kubelet)).toEqual([]);
  });

  test('one of somebody else’s that can’t be taken down is told, and nothing in it is removed', async () => {
    for (const madeByUs of [true, false]) {
      if (madeByUs) rmSync(kubelet, { recursive: true });
      const resource: DirectoryResource = { kind: 'directory', path: kubelet, mode: 0o755, content: 'ours' };
      const stubborn: Host = {
        ...host,
        processes: {
          ...host.processes,
          run: async (name, args, options) =>
            name === 'umount'
              ? { ...(await host.processes.run('false', [])), stderr: 'target is busy' }
              : host.processes.run(name, args, options),
        },
      };
      const tools = { host: stubborn, backups };
      const entry = await directoryKind.record(tools, resource, await directoryKind.observe(host, resource));
      if (madeByUs) mkdirSync(kubelet);
      mount('--bind', join(root, 'etc'), kubelet);
      expect((await directoryKind.undo(tools, [entry])).outcome).toBe('failed');
      expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toBe('root');
      execFileSync('umount', [kubelet]);
    }
  });
});
