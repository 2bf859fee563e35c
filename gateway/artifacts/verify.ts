// Verifying a store or the tar that was made of it, as a host would: signature, expiry, and of every archive
// the size and the sha256. All that is wrong is listed, not only the first.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { execa } from 'execa';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { fileNameOf } from '../../protocol/messages/desired.ts';
import {
  installerName,
  type Manifest,
  type ManifestEntry,
  requireNotExpired,
  sha256Hex,
} from '../../protocol/messages/manifest.ts';
import { ArtifactStore, type StoredManifest } from './store.ts';

export interface Verification {
  readonly stored: StoredManifest;
  /** In the order of the manifest; `fault` is absent when the archive is what it should be. */
  readonly archives: readonly { readonly entry: ManifestEntry; readonly fault?: Fault }[];
  /** What is wrong with the install.sh that join commands name. */
  readonly installerFault?: Fault;
}

/** Throws for the manifest; what is wrong with an archive is in the answer. */
export async function verifyBundle(
  path: string,
  options: { keySha256?: string; nowMs?: number } = {},
): Promise<Verification> {
  const { nowMs = Date.now(), keySha256 } = options;
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new Fault('BUNDLE_INVALID', { path, detail: 'there is no such file or folder' });
  const stored = found.isDirectory()
    ? await new ArtifactStore(path, keySha256).manifest()
    : await readTar(path, keySha256);
  requireNotExpired(stored.manifest, nowMs);
  const archives = [];
  for (const entry of stored.manifest.artifacts) {
    const name = fileNameOf(entry);
    const open = () => (found.isDirectory() ? createReadStream(join(path, name)) : readMember(path, name));
    const fault = await faultOf(entry, open);
    archives.push({ entry, ...(fault ? { fault } : {}) });
  }
  const installerFault = await faultOfInstaller(path, stored.manifest, found.isDirectory());
  return { stored, archives, ...(installerFault ? { installerFault } : {}) };
}

async function readTar(path: string, keySha256: string | undefined): Promise<StoredManifest> {
  const folder = await mkdtemp(join(tmpdir(), 'regnode-verify-'));
  try {
    const small = ['--wildcards', '--no-anchored', '*.json', '*.sig', '*.pem'];
    const unpacked = await execa('tar', ['-xf', path, '-C', folder, ...small], { reject: false });
    if (unpacked.exitCode !== 0) {
      const detail = unpacked.stderr.split('\n')[0] ?? 'tar cannot read it';
      throw new Fault('BUNDLE_INVALID', { path, detail });
    }
    return await new ArtifactStore(folder, keySha256).manifest();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function faultOfInstaller(
  path: string,
  { installers }: Manifest,
  isFolder: boolean,
): Promise<Fault | undefined> {
  const [newest] = installers ?? [];
  if (newest === undefined) return new Fault('INSTALLER_UNKNOWN', { detail: 'the manifest lists none' });
  const name = installerName(newest.sha256);
  const bytes = isFolder
    ? await readFile(join(path, name)).catch(() => undefined)
    : await buffer(readMember(path, name));
  if (bytes === undefined || bytes.length === 0)
    return new Fault('INSTALLER_UNKNOWN', { detail: `the store has no ${name}` });
  const actual = sha256Hex(bytes);
  if (actual === newest.sha256) return undefined;
  return new Fault('ARTIFACT_HASH_WRONG', { name: 'install.sh', actual, expected: newest.sha256 });
}

function readMember(tar: string, name: string): Readable {
  const child = execa('tar', ['-xOf', tar, '--', name], { buffer: false, reject: false });
  return child.stdout;
}

async function faultOf(entry: ManifestEntry, open: () => Readable): Promise<Fault | undefined> {
  const { component, version, architecture, sizeBytes, sha256: expected } = entry;
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of open() as AsyncIterable<Buffer>) {
      size += chunk.length;
      hash.update(chunk);
    }
  } catch (cause) {
    return new Fault('ARTIFACT_MISSING', { name: component, version, architecture }, { cause });
  }
  if (size === 0 && sizeBytes > 0)
    return new Fault('ARTIFACT_MISSING', { name: component, version, architecture });
  const actual = hash.digest('hex');
  if (size === sizeBytes && actual === expected) return undefined;
  return new Fault('ARTIFACT_HASH_WRONG', { name: `${component} ${version}`, actual, expected });
}
