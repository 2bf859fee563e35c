// The artifact store that a sandbox's gateway serves, made by the product's own `bundle build` and kept in
// the cache for as long as neither the programs nor the agent nor the code that packs them change: four e2e
// files need the same one. Each sandbox gets a copy of its own, which a test may damage, and signs it with a
// key of its own, which lies outside the store.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cached } from '../machine/cache.ts';
import { run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';
import { buildArtifactTree } from './artifacts.ts';
import { gatewayProgram } from './programs.ts';
import { sandboxSoftware } from './software.ts';
import { forgetOldest } from './sources.ts';

const checkout = resolve(import.meta.dirname, '../..');
const entries = 'artifact-store';
const entriesKept = 4;
/** What decides the bytes of a store besides the programs in it. */
const packers = [
  'gateway/artifacts/bundle.ts',
  'gateway/artifacts/installer.ts',
  'gateway/artifacts/issue.ts',
  'gateway/artifacts/licences.ts',
  'scripts/sandbox/artifacts.ts',
  'scripts/sandbox/images.ts',
  'installer/install.sh',
];

/** One more version of a component: the content of `folder` becomes its tree. */
export interface ExtraTree {
  readonly component: string;
  readonly version: string;
  readonly folder: string;
}

/** `agent` is what scripts/build made (a tar.gz). */
export async function makeArtifactStore(
  { folder, keyFile }: { folder: string; keyFile: string },
  kubernetes: string,
  agent: string | undefined,
  progress: Progress,
  extra: readonly ExtraTree[] = [],
): Promise<void> {
  const entry = `${entries}/${await storeKey(kubernetes, agent, progress, extra)}`;
  const store = await cached(entry, progress, (staging) =>
    bundle(staging, kubernetes, agent, progress, extra),
  );
  await rm(folder, { recursive: true, force: true });
  await run('cp', ['-a', '--reflink=auto', store, folder]);
  await forgetOldest(entries, entriesKept);
  if (!existsSync(keyFile)) await gateway(['bundle', 'keygen', '--out', keyFile]);
  await signArtifactStore(folder, keyFile);
}

/** Gives the store another serial, date and signature; `more` are flags of `bundle sign`. */
export async function signArtifactStore(
  folder: string,
  keyFile: string,
  more: readonly string[] = [],
): Promise<void> {
  await gateway(['bundle', 'sign', '--store', folder, '--key', keyFile, ...more]);
}

async function gateway(args: readonly string[]): Promise<void> {
  await run(process.execPath, [await gatewayProgram('gateway'), ...args], { timeoutMs: 300_000 });
}

async function bundle(
  out: string,
  kubernetes: string,
  agent: string | undefined,
  progress: Progress,
  extra: readonly ExtraTree[],
): Promise<void> {
  const tree = `${out}.tree`;
  try {
    await mkdir(tree);
    await buildArtifactTree(tree, kubernetes, progress);
    for (const { component, version, folder } of extra) {
      await cp(folder, join(tree, component, version, 'amd64'), { recursive: true });
    }
    const more = agent === undefined ? [] : ['--agent', agent];
    const args = ['bundle', 'build', '--from', tree, '--out', out, '--level', '1', ...more];
    await gateway(args);
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

async function storeKey(
  kubernetes: string,
  agent: string | undefined,
  progress: Progress,
  extra: readonly ExtraTree[],
): Promise<string> {
  const software = await sandboxSoftware(progress);
  const hash = createHash('sha256').update(JSON.stringify(software));
  for (const program of [join(kubernetes, 'kubelet'), join(software.containerdFolder, 'containerd')]) {
    const { size, mtimeMs } = await stat(program);
    hash.update(`${program} ${size} ${mtimeMs}\n`);
  }
  for (const { component, version, folder } of extra) {
    hash.update(`${component} ${version}\n`);
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      hash.update(`${file.name}\n`);
      for await (const chunk of createReadStream(join(file.parentPath, file.name)))
        hash.update(chunk as Buffer);
    }
  }
  const whole = [...packers.map((name) => join(checkout, name)), ...(agent === undefined ? [] : [agent])];
  for (const file of whole) await pipeline(createReadStream(file), hash, { end: false });
  return hash.digest('hex').slice(0, 16);
}
