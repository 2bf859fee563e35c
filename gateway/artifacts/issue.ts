// Issuing a manifest: what is in a store gets a serial number, a date, an expiry and signatures. The
// manifest's own file is renamed into place last, after its signatures, so a store is never seen half made.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../protocol/catalogue/fault.ts';
import {
  formatSignatures,
  keyName,
  type Manifest,
  manifestName,
  manifestSchema,
  parseSignatures,
  sha256Hex,
  signaturesName,
} from '../../protocol/messages/manifest.ts';
import { putInstaller } from './installer.ts';
import type { SigningKey } from './keys.ts';
import { replaceFile } from './replace-file.ts';

const defaultLifetimeMs = 180 * 24 * 3600_000;

export interface Issue {
  /**
   * The first is the one that join commands name. None: a manifest that nobody accepts before it is signed.
   */
  readonly keys?: readonly SigningKey[];
  /** Trusted alone from now on; signs this manifest too, and comes first in join commands. */
  readonly rotateTo?: SigningKey;
  readonly lifetimeMs?: number;
  /** Default: the seconds since 1970, which grow without anybody keeping count. */
  readonly serial?: number;
  readonly nowMs?: number;
}

/** What a manifest lists. */
export type Content = Pick<Manifest, 'artifacts' | 'installers'>;

export async function issueManifest(
  directory: string,
  { artifacts, installers }: Content,
  { keys = [], rotateTo, lifetimeMs = defaultLifetimeMs, nowMs = Date.now(), ...issue }: Issue,
): Promise<Manifest> {
  const manifest: Manifest = manifestSchema.parse({
    schema: 2,
    serial: issue.serial ?? Math.floor(nowMs / 1000),
    issuedAt: toSeconds(nowMs),
    expiresAt: toSeconds(nowMs + lifetimeMs),
    ...(rotateTo ? { keys: [rotateTo.publicPem] } : {}),
    ...(installers ? { installers } : {}),
    artifacts,
  });
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const signers = [...(rotateTo ? [rotateTo] : []), ...keys];
  if (signers.length > 0) await writeSignatures(directory, bytes, signers, new Map());
  await replaceFile(join(directory, manifestName), (path) => writeFile(path, bytes));
  await removeOldSignatures(directory, bytes);
  return manifest;
}

/**
 * What a store holds is issued anew: another serial, another date, other signatures. An install.sh is put
 * into it when one is named, or when it has none: the store of a release before.
 */
export async function reissueManifest(
  directory: string,
  issue: Issue,
  installScript?: string,
): Promise<Manifest> {
  const { manifest } = await readManifestFile(directory);
  const { artifacts, installers = [] } = manifest;
  const keeps = installScript === undefined && installers.length > 0;
  const listed = keeps ? installers : await putInstaller(directory, installers, installScript);
  return issueManifest(directory, { artifacts, installers: listed }, issue);
}

/** For keys that live on different machines: one more signature of the same bytes. */
export async function addSignature(directory: string, key: SigningKey): Promise<Manifest> {
  const { manifest, bytes } = await readManifestFile(directory);
  const file = join(directory, signaturesName(sha256Hex(bytes)));
  const present = parseSignatures(await readFile(file, 'utf8').catch(() => ''));
  await writeSignatures(directory, bytes, [key], present);
  return manifest;
}

async function writeSignatures(
  directory: string,
  bytes: Buffer,
  signers: readonly SigningKey[],
  present: ReadonlyMap<string, Buffer>,
): Promise<void> {
  for (const { id, publicPem } of signers) {
    await replaceFile(join(directory, keyName(id)), (path) => writeFile(path, publicPem));
  }
  const signatures = new Map([...present, ...signers.map((key) => [key.id, key.sign(bytes)] as const)]);
  const file = join(directory, signaturesName(sha256Hex(bytes)));
  await replaceFile(file, (path) => writeFile(path, formatSignatures(signatures)));
}

async function readManifestFile(directory: string): Promise<{ manifest: Manifest; bytes: Buffer }> {
  const path = join(directory, manifestName);
  try {
    const bytes = await readFile(path);
    return { bytes, manifest: manifestSchema.parse(JSON.parse(bytes.toString('utf8'))) };
  } catch (cause) {
    throw new Fault('BUNDLE_INVALID', { path, detail: 'it is no manifest that could be signed' }, { cause });
  }
}

async function removeOldSignatures(directory: string, bytes: Buffer): Promise<void> {
  const current = signaturesName(sha256Hex(bytes));
  const old = (await readdir(directory)).filter((name) => name.endsWith('.sig') && name !== current);
  for (const name of old) await rm(join(directory, name));
}

const toSeconds = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
