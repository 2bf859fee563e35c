// Making an artifact store: the same trees give the same bytes, and a wrong folder is named.
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildBundle } from '../../../../gateway/artifacts/bundle.ts';
import { ArtifactStore } from '../../../../gateway/artifacts/store.ts';
import { sha256Hex } from '../../../../protocol/messages/manifest.ts';

let root: string;
let from: string;
let out: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'regnode-bundle-'));
  from = join(root, 'from');
  out = join(root, 'out');
  await tree('runc/1.1.5/amd64/bin', 'runc');
  await tree('images/pause/amd64', 'pause.tar');
});

afterEach(() => rm(root, { recursive: true }));

async function tree(path: string, file: string): Promise<void> {
  await mkdir(join(from, path), { recursive: true });
  await writeFile(join(from, path, file), file);
  await chmod(join(from, path, file), 0o755);
}

test('one archive for each tree, a manifest that fits them', async () => {
  const manifest = await buildBundle({ from, out });
  expect(manifest.artifacts.map(({ path }) => path)).toEqual([
    '/artifacts/images-pause-amd64.tar.gz',
    '/artifacts/runc-1.1.5-amd64.tar.gz',
  ]);
  expect(manifest.artifacts.map(({ licence }) => licence)).toEqual(['NOASSERTION', 'Apache-2.0']);
  // Not signed yet: nobody offers it.
  await expect(new ArtifactStore(out).manifest()).rejects.toMatchObject({ code: 'MANIFEST_NOT_TRUSTED' });
  const script = await readFile('installer/install.sh');
  expect(manifest.installers).toEqual([{ sha256: sha256Hex(script), sizeBytes: script.length }]);
  expect((await readdir(out)).filter((name) => !name.endsWith('.sh')).sort()).toEqual([
    'images-pause-amd64.tar.gz',
    'manifest.json',
    'runc-1.1.5-amd64.tar.gz',
  ]);
  const { stdout } = await execa('tar', ['-tvzf', join(out, 'runc-1.1.5-amd64.tar.gz')]);
  expect(stdout).toMatch(/-rwxr-xr-x (root\/root|0\/0) .* 1970-01-01 .* \.\/bin\/runc/);
});

test.each([
  ['nothing', ''],
  ['no line break at its end', 'main'],
  ['two of them', 'main\n\n'],
  ['a NUL', 'ma\0in\n'],
  ['more than a join command reads', `${'#'.repeat(256 * 1024)}\n`],
])('an install.sh that has %s is refused', async (_name, content) => {
  const installScript = join(root, 'install.sh');
  await writeFile(installScript, content);
  await expect(buildBundle({ from, out, installScript })).rejects.toMatchObject({
    code: 'BUNDLE_INVALID',
    values: { path: installScript },
  });
});

test('the same trees with other times give the same bytes', async () => {
  const first = await buildBundle({ from, out, serial: 1, nowMs: 1e12 });
  await utimes(join(from, 'runc/1.1.5/amd64/bin/runc'), 1, 1);
  const second = await buildBundle({ from, out: join(root, 'again'), serial: 1, nowMs: 1e12 });
  expect(second).toEqual(first);
});

test('links stay links', async () => {
  await symlink('runc', join(from, 'runc/1.1.5/amd64/bin/link'));
  await buildBundle({ from, out });
  const { stdout } = await execa('tar', ['-tvzf', join(out, 'runc-1.1.5-amd64.tar.gz')]);
  expect(stdout).toContain('./bin/link -> runc');
});

test('a ready-made agent is taken as it is', async () => {
  const agent = join(root, 'regnode-0.1.0-linux-amd64.tar.gz');
  await writeFile(agent, 'ready-made');
  const { artifacts } = await buildBundle({ from, out, agent });
  expect(artifacts.at(-1)).toMatchObject({
    component: 'agent',
    version: '0.1.0',
    architecture: 'amd64',
    sizeBytes: 10,
  });
  expect(await readFile(join(out, 'agent-0.1.0-amd64.tar.gz'), 'utf8')).toBe('ready-made');
});

test('upstream archives are taken as they are, from their place in the tree or by their own name', async () => {
  const archive = join(from, 'kubelet/1.32.0/amd64/anything.tar.gz');
  await mkdir(join(from, 'kubelet/1.32.0/amd64'), { recursive: true });
  const names = [
    'containerd-1.7.28-linux-amd64.tar.gz',
    'cni-plugins-linux-arm64-v1.5.1.tgz',
    'crictl-v1.30.0-linux-amd64.tar.gz',
    'notes.txt',
  ];
  for (const file of [archive, ...names.map((name) => join(from, name))]) await writeFile(file, file);
  await writeFile(join(from, 'kubelet/1.32.0/licence'), 'MIT OR Apache-2.0\n');
  const { artifacts } = await buildBundle({ from, out });
  const said = artifacts.map(
    ({ component, version, architecture }) => `${component} ${version} ${architecture}`,
  );
  expect(said).toEqual([
    'images pause amd64',
    'kubelet 1.32.0 amd64',
    'runc 1.1.5 amd64',
    'cni-plugins 1.5.1 arm64',
    'containerd 1.7.28 amd64',
    'crictl 1.30.0 amd64',
  ]);
  const kubelet = artifacts.find(({ component }) => component === 'kubelet');
  expect(kubelet?.licence).toBe('MIT OR Apache-2.0');
  expect(kubelet?.sha256).toBe(sha256Hex(archive));
});

describe('refused', () => {
  const refused = async (detail: string, change: { agent?: string } = {}) => {
    await expect(buildBundle({ from, out, ...change })).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
      values: { detail: expect.stringContaining(detail) },
    });
    // No manifest: nobody takes half a store for a whole one.
    expect(await readdir(out).catch(() => [])).not.toContain('manifest.json');
  };

  test('a folder that is not there', async () => {
    from = join(root, 'nothing');
    await refused('cannot be read');
  });
  test('an empty one', async () => {
    await rm(from, { recursive: true });
    await mkdir(from);
    await refused('nothing in it');
  });
  test('an unknown component', async () => {
    await tree('docker/1/amd64', 'x');
    await refused('no component has this name');
  });
  test('an unknown architecture', async () => {
    await tree('runc/1.1.5/x86_64', 'x');
    await refused('not an architecture');
  });
  test('an empty tree', async () => {
    await mkdir(join(from, 'runc/1.1.6/amd64'), { recursive: true });
    await refused('empty');
  });
  test('an agent by another name', () => refused('its name is not', { agent: '/tmp/agent.tgz' }));
  test('an agent that is not there', () =>
    refused('no such file', { agent: '/tmp/nothing/regnode-1-linux-amd64.tar.gz' }));
});
