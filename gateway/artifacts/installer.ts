// install.sh in an artifact store: `<its sha256>.sh`, listed by the signed manifest. A join command names
// the newest by its hash, and the file lies under that hash: commands that were made before a store got
// another script still find theirs, for as long as the manifest lists it. What is served is what the
// manifest names, byte for byte, or nothing.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault } from '../../protocol/catalogue/fault.ts';
import {
  type Installer,
  installerLimitBytes,
  installerName,
  type Manifest,
  manifestName,
  manifestSchema,
  sha256Hex,
} from '../../protocol/messages/manifest.ts';
import { replaceFile } from './replace-file.ts';

const ownScript = fileURLToPath(new URL('../../installer/install.sh', import.meta.url));
/** The newest and what came before it; a manifest has no room for more. */
const mostInstallers = 8;

/** Puts the script into the store and in front of those that it lists already. */
export async function putInstaller(
  directory: string,
  before: readonly Installer[],
  script = ownScript,
): Promise<Installer[]> {
  const bytes = await readFile(script).catch((cause: unknown) => {
    throw new Fault('BUNDLE_INVALID', { path: script, detail: 'it cannot be read' }, { cause });
  });
  if (bytes.length === 0 || bytes.length > installerLimitBytes)
    throw new Fault('BUNDLE_INVALID', {
      path: script,
      detail: `it has ${bytes.length} bytes, 1 to ${installerLimitBytes} are allowed`,
    });
  // A join command hashes what the shell holds, which ends in one line break and has no NUL.
  if (bytes.includes(0) || !/[^\n]\n$/.test(bytes.subarray(-2).toString('latin1')))
    throw new Fault('BUNDLE_INVALID', { path: script, detail: 'it is no text that ends in one line break' });
  const installer = { sha256: sha256Hex(bytes), sizeBytes: bytes.length };
  await replaceFile(join(directory, installerName(installer.sha256)), (path) => writeFile(path, bytes));
  const older = before.filter(({ sha256 }) => sha256 !== installer.sha256);
  return [installer, ...older].slice(0, mostInstallers);
}

/** What the manifest in the folder lists; nothing when there is none that can be read. */
export async function installersOf(directory: string): Promise<readonly Installer[]> {
  try {
    const text = await readFile(join(directory, manifestName), 'utf8');
    return manifestSchema.parse(JSON.parse(text)).installers ?? [];
  } catch {
    return [];
  }
}

/** A script of that name that the manifest lists, when the store has it unchanged. */
export async function readInstaller(
  directory: string,
  { installers = [] }: Pick<Manifest, 'installers'>,
  name: string,
): Promise<Buffer | undefined> {
  const installer = installers.find(({ sha256 }) => installerName(sha256) === name);
  if (installer === undefined) return undefined;
  const bytes = await readFile(join(directory, name)).catch(() => undefined);
  return bytes && sha256Hex(bytes) === installer.sha256 ? bytes : undefined;
}
