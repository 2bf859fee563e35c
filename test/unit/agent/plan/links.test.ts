// Folders of ours that are links to another disk (the remedy of DISK_SPACE): what is emptied is the folder
// behind the link, what the owner had in it stays, and so does the link. On the machine's own files, since a
// folder that stands for a host resolves links by itself.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Host } from '../../../../agent/host/host.ts';
import { createHost } from '../../../../agent/host/real.ts';
import { openBackups } from '../../../../agent/plan/backups.ts';
import { directoryKind } from '../../../../agent/plan/kinds/directory.ts';
import type { DirectoryResource } from '../../../../agent/plan/resource.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

let root: string;
let host: Host;
let kubelet: string;
let disk: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'regnode-links-'));
  host = { ...fixtureHost(root), files: createHost().files, mounts: async () => [] };
  kubelet = join(root, 'var/lib/kubelet');
  disk = join(root, 'data/kubelet');
  mkdirSync(join(root, 'var/lib'), { recursive: true });
  mkdirSync(disk, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function make(): Promise<unknown> {
  const resource: DirectoryResource = { kind: 'directory', path: kubelet, mode: 0o700, content: 'ours' };
  const observed = await directoryKind.observe(host, resource);
  const entry = await directoryKind.record(tools(), resource, observed);
  await directoryKind.apply(tools(), resource, observed);
  return entry;
}
const tools = () => ({ host, backups: openBackups(host) });

describe('a folder of ours that was a link before us', () => {
  test('keeps what its owner had behind it, and the link', async () => {
    writeFileSync(join(disk, 'of-its-owner'), '');
    symlinkSync(disk, kubelet);
    const entry = await make();
    mkdirSync(join(kubelet, 'pki'));
    writeFileSync(join(kubelet, 'pki/kubelet-client-current.pem'), 'a key');

    expect(await directoryKind.undo(tools(), [entry])).toEqual({ outcome: 'restored' });
    expect(readdirSync(disk)).toEqual(['of-its-owner']);
    expect(readlinkSync(kubelet)).toBe(disk);
  });
});

test('a folder that its owner moved behind a link after us is emptied, and the link stays', async () => {
  const entry = await make();
  writeFileSync(join(kubelet, 'config.yaml'), 'ours');
  rmSync(disk, { recursive: true });
  renameSync(kubelet, disk);
  symlinkSync(disk, kubelet);

  expect(await directoryKind.undo(tools(), [entry])).toEqual({ outcome: 'restored' });
  expect(readdirSync(disk)).toEqual([]);
  expect(readlinkSync(kubelet)).toBe(disk);
});

describe('a link that others than root put in the place of a folder of logs', () => {
  const path = '/var/log/pods';
  const resource: DirectoryResource = { kind: 'directory', path, mode: 0o755, content: 'ours' };
  const detail = '/var/log/pods is a link to /etc now, where everything stays';

  test.each([
    { name: 'that we made', isOurs: true },
    { name: 'that was there before us', isOurs: false },
  ])('empties nothing, in the place of one $name', async ({ isOurs }) => {
    const machine = fixtureHost(root);
    const itsTools = { host: machine, backups: openBackups(machine) };
    const pods = join(root, path);
    mkdirSync(join(root, isOurs ? '/var/log' : path), { recursive: true });
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/fstab'), '');
    const observed = await directoryKind.observe(machine, resource);
    const entry = await directoryKind.record(itsTools, resource, observed);
    await directoryKind.apply(itsTools, resource, observed);
    rmSync(pods, { recursive: true });
    symlinkSync('/etc', pods);

    expect(await directoryKind.undo(itsTools, [entry])).toEqual({ outcome: 'kept', detail });
    expect(readdirSync(join(root, 'etc'))).toEqual(['fstab']);
  });
});

describe('what stands in the place of a folder of logs, and is none', () => {
  const path = '/var/log/pods';
  const resource: DirectoryResource = { kind: 'directory', path, mode: 0o755, content: 'ours' };
  const steps = (observed: unknown, journaled: boolean) =>
    directoryKind.compare(resource, observed, journaled);

  /** Behind a link there is a mount that answers nobody: whoever asks ends the test. */
  function itsHost(): Host {
    const machine = fixtureHost(root);
    const never = (ask: (path: string) => Promise<unknown>) => async (asked: string) => {
      if (asked === path && lstatSync(join(root, path), { throwIfNoEntry: false })?.isSymbolicLink())
        expect.unreachable(`${asked} was followed`);
      return ask(asked);
    };
    const { resolve, list, exists } = machine.files;
    const followed = { resolve: never(resolve), list: never(list), exists: never(exists) };
    return { ...machine, files: { ...machine.files, ...(followed as Partial<Host['files']>) } };
  }

  test.each([
    { what: 'a link to itself', isThereFirst: false, put: () => symlinkSync('pods', join(root, path)) },
    { what: 'a link to a mount', isThereFirst: false, put: () => symlinkSync('/mnt', join(root, path)) },
    { what: 'a link to itself', isThereFirst: true, put: () => symlinkSync('pods', join(root, path)) },
    { what: 'a plain file', isThereFirst: true, put: () => writeFileSync(join(root, path), '') },
  ])(
    '$what: ends no round and no leave (a folder before us: $isThereFirst)',
    async ({ isThereFirst, put }) => {
      const machine = itsHost();
      const itsTools = { host: machine, backups: openBackups(machine) };
      mkdirSync(join(root, isThereFirst ? path : '/var/log'), { recursive: true });
      const before = await directoryKind.observe(machine, resource);
      const entry = await directoryKind.record(itsTools, resource, before);
      await directoryKind.apply(itsTools, resource, before);
      expect(steps(await directoryKind.observe(machine, resource), true)).toEqual({ state: 'right' });
      rmSync(join(root, path), { recursive: true });
      put();
      expect(steps(await directoryKind.observe(machine, resource), true)).toMatchObject({ state: 'skipped' });
      expect(await directoryKind.undo(itsTools, [entry])).toMatchObject({ outcome: 'kept' });
      expect(lstatSync(join(root, path)).isDirectory()).toBe(false);
    },
  );

  test('a link of its owner’s, before us: it is noted, serves, and stays', async () => {
    const machine = itsHost();
    const itsTools = { host: machine, backups: openBackups(machine) };
    mkdirSync(join(root, '/var/log'), { recursive: true });
    symlinkSync('/data/kubelet', join(root, path));
    const before = await directoryKind.observe(machine, resource);
    expect(steps(before, false)).toMatchObject({ state: 'wrong' });
    const entry = await directoryKind.record(itsTools, resource, before);
    await directoryKind.apply(itsTools, resource, before);
    expect(steps(await directoryKind.observe(machine, resource), true)).toMatchObject({ state: 'skipped' });
    writeFileSync(join(disk, 'of-a-pod'), '');
    expect(await directoryKind.undo(itsTools, [entry])).toMatchObject({ outcome: 'kept' });
    expect(readdirSync(disk)).toEqual(['of-a-pod']);
  });

  test('a plain file before us refuses the join', async () => {
    mkdirSync(join(root, '/var/log'), { recursive: true });
    writeFileSync(join(root, path), '');
    const machine = itsHost();
    const observed = await directoryKind.observe(machine, resource);
    const itsTools = { host: machine, backups: openBackups(machine) };
    await expect(directoryKind.record(itsTools, resource, observed)).rejects.toMatchObject({
      code: 'PATH_OCCUPIED',
    });
  });
});

test('a folder of ours below a link goes', async () => {
  rmSync(join(root, 'var/lib'), { recursive: true });
  symlinkSync(join(root, 'data'), join(root, 'var/lib'));
  rmSync(disk, { recursive: true });
  const entry = await make();
  writeFileSync(join(kubelet, 'config.yaml'), 'ours');

  expect(await directoryKind.undo(tools(), [entry])).toEqual({ outcome: 'restored' });
  expect(existsSync(disk)).toBe(false);
});

test('a place that is not there yet is told by the links above it', async () => {
  symlinkSync(join(root, 'data'), join(root, 'opt'));
  expect(await host.files.resolve(join(root, 'opt/regnode/components'))).toBe(
    join(root, 'data/regnode/components'),
  );
  expect(await host.files.resolve(join(root, 'opt'))).toBe(join(root, 'data'));
});
