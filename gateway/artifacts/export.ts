// One tar of a store, for hosts with no way out: manifest, signatures, keys, install.sh, and the
// archives (of one architecture, when it is named). It isn't compressed, since the archives are: a host
// reads them where they lie in it.
import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { execa } from 'execa';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type Artifact, fileNameOf } from '../../protocol/messages/desired.ts';
import { installerName } from '../../protocol/messages/manifest.ts';
import { replaceFile } from './replace-file.ts';
import type { StoredManifest } from './store.ts';
import { verifyBundle } from './verify.ts';

/** Refuses a store that a host would refuse. */
export async function exportBundle(
  directory: string,
  out: string,
  architecture?: Artifact['architecture'],
): Promise<StoredManifest> {
  const { stored, archives, installerFault } = await verifyBundle(directory);
  const wanted = archives.filter(({ entry }) => !architecture || entry.architecture === architecture);
  const fault = wanted.find((archive) => archive.fault)?.fault ?? installerFault;
  if (fault) throw fault;
  if (wanted.length === 0)
    throw new Fault('BUNDLE_INVALID', { path: directory, detail: `nothing for ${architecture}` });
  // The small files first: a reader finds them without a walk over all archives.
  const scripts = (stored.manifest.installers ?? []).slice(0, 1).map(({ sha256 }) => installerName(sha256));
  const names = [...stored.files.keys(), ...scripts, ...wanted.map(({ entry }) => fileNameOf(entry))];
  const flags = ['--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar'];
  await rm(out, { force: true });
  await replaceFile(resolve(out), async (path) => {
    await execa('tar', [...flags, '-C', directory, '-cf', path, '--', ...names]);
  });
  return stored;
}
