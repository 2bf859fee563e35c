// What most sandboxes begin with is made once and copied: a cluster that is set up for the gateway with its
// artifact store ("cluster"), and the same with one host that has joined ("joined"). A template lies in the
// cache under a key of everything that goes into it, also the day, since certificates and dates grow old. It
// is never run, only copied: what a test does to its copy is no other's business.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { kubernetesBinaries } from '../kubernetes/binaries.ts';
import { cached, cacheRoot } from '../machine/cache.ts';
import { run } from '../machine/command.ts';
import { type Progress, silentProgress } from '../machine/progress.ts';
import { ensureMachinePackages } from './packages.ts';
import { createJoinCommand, createPool, pasteJoinCommand, payloadFile, poolName } from './registration.ts';
import { baseRoot } from './root.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';
import { sandboxSoftware } from './software.ts';
import { hashSources } from './sources.ts';

const checkout = resolve(import.meta.dirname, '../..');
const templates = 'sandbox-template';
const templatesKept = 4;
/** Nobody copies for longer. */
const copyingMs = 15 * 60_000;
/** Whatever of the checkout may decide what a cluster or a host is like. */
const sources = ['gateway', 'installer', 'protocol', 'scripts/sandbox', 'package-lock.json'];

export const templateHost = 'idc-1';
export type TemplateKind = 'cluster' | 'joined';

/** Its folder: cloud/ and, of a joined one, hosts/idc-1/. */
export async function sandboxTemplate(kind: TemplateKind, progress = silentProgress): Promise<string> {
  // Its key asks for the root of the hosts, which debootstrap makes.
  await ensureMachinePackages(progress);
  const name = `${kind}-${await templateKey(progress)}`;
  const make = kind === 'cluster' ? makeCluster : makeJoined;
  const place = await cached(`${templates}/${name}`, progress, (staging) =>
    progress.step(`making the template of a ${kind} sandbox`, () => make(staging, progress)),
  );
  await utimes(place, new Date(), new Date());
  await forgetTemplates();
  return place;
}

async function makeCluster(staging: string, progress: Progress): Promise<void> {
  const sandbox = await startSandbox({ name: 'template', progress });
  try {
    await sandbox.cloud.setUpGateway();
    await sandbox.cloud.buildArtifactStore(await payloadFile(), progress);
    // Its first start makes its authority.
    await sandbox.cloud.startGateway();
    await sandbox.cloud.stopGateway();
    await sandbox.copyTo(staging);
  } finally {
    await sandbox.stop();
  }
}

async function makeJoined(staging: string, progress: Progress): Promise<void> {
  const template = await sandboxTemplate('cluster', progress);
  const sandbox = await startSandbox({ name: 'template', progress, template });
  try {
    await sandbox.cloud.startGateway();
    await createPool(sandbox, poolName);
    await joinHost(sandbox);
    await sandbox.cloud.stopGateway();
    await sandbox.copyTo(staging);
  } finally {
    await sandbox.stop();
  }
}

/** Joined and put to rest: nothing is half written when it is copied. */
async function joinHost(sandbox: Sandbox): Promise<void> {
  const host = await sandbox.addHost({ name: templateHost });
  const joined = await pasteJoinCommand(host, await createJoinCommand(sandbox));
  if (joined.exitCode !== 0) throw new Error(`the join of the template: ${joined.stdout}${joined.stderr}`);
  const stopped = await host.run('systemctl', ['stop', 'regnode', 'kubelet', 'containerd']);
  if (stopped.exitCode !== 0) throw new Error(`stopping what the template runs: ${stopped.stderr}`);
  await host.powerOff();
}

async function templateKey(progress: Progress): Promise<string> {
  const software = await sandboxSoftware(progress);
  const kubernetes = await kubernetesBinaries(progress);
  const day = new Date().toISOString().slice(0, 10);
  const hash = createHash('sha256').update(JSON.stringify([day, software, await baseRoot(progress)]));
  for (const program of [
    ...['kube-apiserver', 'kubelet'].map((name) => join(kubernetes, name)),
    software.etcd,
  ]) {
    const { size, mtimeMs } = await stat(program);
    hash.update(`${program} ${size} ${mtimeMs}\n`);
  }
  await hashSources(hash, checkout, sources);
  await pipeline(createReadStream(await payloadFile()), hash, { end: false });
  return hash.digest('hex').slice(0, 16);
}

/**
 * Removes those that were used longest ago, but none that a host runs on or that somebody may be copying; and
 * what a run left that was killed while it made one.
 */
export async function forgetTemplates(): Promise<void> {
  const folder = join(cacheRoot(), templates);
  const mounts = await readFile('/proc/mounts', 'utf8');
  const names = await readdir(folder).catch(() => []);
  const aged = await Promise.all(
    names
      .filter((name) => !name.startsWith('.') && !mounts.includes(`/${name}/`))
      .map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  const forgotten = aged
    .sort((a, b) => b.at - a.at)
    .slice(templatesKept)
    .filter(({ at }) => Date.now() - at > copyingMs);
  const abandoned = names.filter((name) => {
    const maker = /\.staging-(\d+)$/.exec(name)?.[1];
    return maker !== undefined && !isAlive(Number(maker));
  });
  for (const name of [...forgotten.map((one) => one.name), ...abandoned]) {
    await run('rm', ['-rf', '--one-file-system', join(folder, name)]);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
