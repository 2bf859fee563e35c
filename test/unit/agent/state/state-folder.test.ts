// The state folder appears in one move, also when several runs want it in the same instant, and goes in one
// where it can be moved.
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import { ensureStateFolder, forgetState } from '../../../../agent/state/state-folder.ts';
import { fixtureHost } from '../../../fixtures/host.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-state-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('eight runs at once: each finds it, and nothing half-made stays', async () => {
  for (let round = 0; round < 10; round += 1) {
    const host = fixtureHost(root);
    await host.files.makeDirectory('/var', 0o755).catch(() => undefined);
    await host.files.makeDirectory('/var/lib', 0o755).catch(() => undefined);
    await Promise.all(Array.from({ length: 8 }, () => ensureStateFolder(fixtureHost(root))));
    expect(await host.files.list('/var/lib')).toEqual(['regnode']);
    expect(await host.files.list(paths.state)).toEqual(['made-by-join']);
    await host.files.removeTree(paths.state);
  }
});

test.skipIf(process.getuid?.() !== 0)('moved to a mounted disk by its owner: emptied there', async () => {
  const host = fixtureHost(root);
  const [folder, disk] = [join(root, paths.state), join(root, 'disk')];
  await mkdir(join(root, '/var/lib'), { recursive: true });
  await ensureStateFolder(host);
  await writeFile(join(folder, 'journal'), '');
  await rename(folder, disk);
  await mkdir(folder);
  execFileSync('mount', ['--bind', disk, folder]);
  try {
    expect(await forgetState(host)).toEqual([]);
    expect(await host.files.list(paths.state)).toEqual([]);
  } finally {
    execFileSync('umount', [folder]);
  }
});
