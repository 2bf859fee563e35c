// Accepting a manifest: signed by a pinned key, not expired, with no smaller serial than any before it; then
// it is remembered, and with it the keys that it names for the future. Nothing is fetched, unpacked or run
// before that, and nothing that the accepted manifest doesn't list, whatever the gateway asks for.

import { Fault } from '../../protocol/catalogue/fault.ts';
import type { DesiredState } from '../../protocol/messages/desired.ts';
import {
  keyId,
  keyLimitBytes,
  keyName,
  keysAfter,
  type Manifest,
  manifestLimitBytes,
  manifestName,
  openManifest,
  parseSignatures,
  publicKey,
  requireListed,
  requireNotExpired,
  type SignedManifest,
  sha256Hex,
  signaturesLimitBytes,
  signaturesName,
  type Trust,
} from '../../protocol/messages/manifest.ts';
import type { Host } from '../host/host.ts';
import type { ArtifactSource } from '../plan/source.ts';
import { type PinnedTrust, readTrust, writeTrust } from './trust.ts';

/** Where manifests, signatures and keys are read; nothing of it is believed. */
export interface ManifestSource {
  /** The whole file of that name, of at most so many bytes. */
  read(name: string, limitBytes: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** What the operator's command says about the artifacts. */
export interface NamedTrust {
  /** Of the key that signs them; absent when it is pinned already. */
  readonly artifactKeySha256: string | undefined;
  /** A manifest with a smaller serial is older than the command. */
  readonly manifestSerial?: number;
}

/** A store may get its next manifest between two requests. */
const tries = 3;

/** At a join: the key is the one that the operator's command names by its hash, or the one pinned before. */
export async function establishTrust(
  host: Host,
  source: ManifestSource,
  named: NamedTrust,
  signal?: AbortSignal,
): Promise<void> {
  await accept(host, source, await trustNamed(host, source, named, signal), signal);
}

/** For a dry run: verified like any other, and not remembered. */
export async function previewManifest(
  host: Host,
  source: ManifestSource,
  named: NamedTrust,
  signal?: AbortSignal,
): Promise<{ manifest: Manifest; sha256: string }> {
  const trust = { ...(await trustNamed(host, source, named, signal)), nowMs: host.clock.nowMs() };
  const signed = await readManifest(source, signal);
  return { manifest: openManifest(signed, trust), sha256: sha256Hex(signed.bytes) };
}

/** Before a desired state is believed: its manifest is accepted, and names every artifact in it. */
export async function admitDesired(
  host: Host,
  desired: DesiredState,
  source: ManifestSource,
  signal?: AbortSignal,
): Promise<void> {
  let trust = await requireTrust(host);
  if (trust.manifestSha256 !== desired.manifest.sha256) trust = await accept(host, source, trust, signal);
  requireListed(trust.manifest, desired.artifacts);
}

/**
 * A source that gives nothing that isn't in the accepted manifest, and nothing at all once that has expired.
 */
export function signedOnly(host: Host, source: ArtifactSource): ArtifactSource {
  return {
    ...source,
    async permit(artifact) {
      const { manifest } = await requireTrust(host);
      requireNotExpired(manifest, host.clock.nowMs());
      requireListed(manifest, [artifact]);
    },
  };
}

async function accept(
  host: Host,
  source: ManifestSource,
  { keys, serial, namedSerial = 0 }: Trust,
  signal: AbortSignal | undefined,
): Promise<PinnedTrust> {
  const signed = await readManifest(source, signal);
  const manifest = openManifest(signed, { keys, serial, namedSerial, nowMs: host.clock.nowMs() });
  const trust: PinnedTrust = {
    keys: keysAfter(manifest, keys),
    serial: manifest.serial,
    manifestSha256: sha256Hex(signed.bytes),
    manifest,
  };
  await writeTrust(host, trust);
  return trust;
}

async function requireTrust(host: Host): Promise<PinnedTrust> {
  const trust = await readTrust(host);
  if (trust !== undefined) return trust;
  throw new Fault('MANIFEST_NOT_TRUSTED', { detail: 'no key is pinned on this host' });
}

async function trustNamed(
  host: Host,
  source: ManifestSource,
  { artifactKeySha256, manifestSerial = 0 }: NamedTrust,
  signal: AbortSignal | undefined,
): Promise<Trust> {
  const before = await readTrust(host);
  const keys = await pinnedKeys(source, before, artifactKeySha256, signal);
  return { keys, serial: before?.serial ?? 0, namedSerial: manifestSerial };
}

async function pinnedKeys(
  source: ManifestSource,
  before: PinnedTrust | undefined,
  keySha256: string | undefined,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  if (keySha256 === undefined) {
    if (before !== undefined) return before.keys;
    throw new Fault('USAGE', { detail: '--artifact-key-sha256 HASH is needed' });
  }
  const known = before?.keys.find((pem) => keyId(pem) === keySha256);
  if (known !== undefined) return before?.keys ?? [known];
  const pem = Buffer.from(await source.read(keyName(keySha256), keyLimitBytes, signal)).toString('utf8');
  if (keyId(pem) !== keySha256) {
    const detail = `the key that was sent has the sha256 ${keyId(pem)}, expected ${keySha256}`;
    throw new Fault('MANIFEST_NOT_TRUSTED', { detail });
  }
  publicKey(pem);
  return [pem];
}

async function readManifest(
  source: ManifestSource,
  signal: AbortSignal | undefined,
): Promise<SignedManifest> {
  for (let attempt = 1; ; attempt++) {
    const bytes = await source.read(manifestName, manifestLimitBytes, signal);
    try {
      const text = await source.read(signaturesName(sha256Hex(bytes)), signaturesLimitBytes, signal);
      return { bytes, signatures: parseSignatures(Buffer.from(text).toString('utf8')) };
    } catch (error) {
      const isGone = error instanceof Fault && error.code === 'PATH_UNKNOWN';
      if (!isGone) throw error;
      if (attempt === tries) return { bytes, signatures: new Map() };
    }
  }
}
