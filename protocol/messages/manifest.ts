// The signed manifest: what artifacts there are, each with its size, sha256 and licence, with an issue date,
// an expiry and a serial number. `manifest.json` is signed as it lies, byte by byte; the signatures are in
// `<its sha256>.sig`, so a reader never meets the signature of another manifest: one `<key id> <base64>` per
// line. A key's id is the sha256 of its PEM file `<id>.pem`. install.sh is listed too, as `<its sha256>.sh`.
// Both `openssl dgst -sha256 -verify` (1.0.2) and this file can check them: P-256 or RSA.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../catalogue/fault.ts';
import { parseJson, peerDepthLimit } from '../json.ts';
import { type Artifact, artifactSchema } from './desired.ts';

export const manifestName = 'manifest.json';
export const signaturesName = (manifestSha256: string) => `${manifestSha256}.sig`;
export const keyName = (keySha256: string) => `${keySha256}.pem`;
export const installerName = (installerSha256: string) => `${installerSha256}.sh`;
export const manifestLimitBytes = 4 * 1024 * 1024;
export const signaturesLimitBytes = 64 * 1024;
export const keyLimitBytes = 16 * 1024;
/** A join command reads no more of a script than this. */
export const installerLimitBytes = 256 * 1024;
const leastRsaBits = 2048;

/**
 * Without spaces, braces and quotes inside a value, but for the licence: install.sh
 * reads it without a JSON parser.
 */
export const manifestEntrySchema = artifactSchema.extend({
  /** SPDX expression. */
  licence: z.string().regex(/^[A-Za-z0-9 .+()-]{1,128}$/),
});

/** One install.sh. It lies under its hash, so a script that comes later takes no other's place. */
const installerSchema = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().positive().max(installerLimitBytes),
});
const instant = z.iso.datetime({ precision: 0 });

export const manifestSchema = z.strictObject({
  schema: z.literal(2),
  /** Grows with every issue: a host that has seen one takes none with a smaller number. */
  serial: z.number().int().positive(),
  issuedAt: instant,
  expiresAt: instant,
  /**
   * PEM. When there are any, these keys alone are trusted from now on; each of them
   * has signed this manifest too.
   */
  keys: z.array(z.string().max(keyLimitBytes)).min(1).max(4).optional(),
  /**
   * The first is the one that new join commands name; those after it are for the
   * commands that were made before.
   */
  installers: z.array(installerSchema).max(8).optional(),
  artifacts: z.array(manifestEntrySchema),
});

export type ManifestEntry = z.infer<typeof manifestEntrySchema>;
export type Installer = z.infer<typeof installerSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** Key id → signature of exactly the manifest's bytes, DER. */
export type Signatures = ReadonlyMap<string, Buffer>;

export interface SignedManifest {
  /** The bytes of manifest.json. */
  readonly bytes: Uint8Array;
  readonly signatures: Signatures;
}

export interface Trust {
  /** PEM of the keys, one of which must have signed. */
  readonly keys: readonly string[];
  /** The highest serial seen so far; 0 for none. */
  readonly serial: number;
  /** What the join command names: no older manifest is taken, also by a host that has seen none. */
  readonly namedSerial?: number;
  /** undefined: whether it has expired is not asked here. */
  readonly nowMs?: number;
}

/** The manifest, when it is to be trusted; throws a Fault that says why not. */
export function openManifest({ bytes, signatures }: SignedManifest, trust: Trust): Manifest {
  if (!trust.keys.some((pem) => isSignedBy(pem, bytes, signatures))) {
    const signers = [...signatures.keys()].map(short).join(', ') || 'nobody';
    const trusted = trust.keys.map((pem) => short(keyId(pem))).join(', ') || 'none';
    throw new Fault('MANIFEST_NOT_TRUSTED', {
      detail: `it names the keys ${signers}, trusted is ${trusted}, and no signature of that is right`,
    });
  }
  const manifest = parseManifest(bytes);
  const { serial, keys = [] } = manifest;
  const unsigned = keys.find((pem) => !isSignedBy(pem, bytes, signatures));
  if (unsigned !== undefined) {
    throw new Fault('MANIFEST_INVALID', {
      detail: `the new key ${short(keyId(unsigned))} has not signed it`,
    });
  }
  if (serial < trust.serial) throw new Fault('MANIFEST_ROLLED_BACK', { serial, seen: trust.serial });
  const { namedSerial: named = 0 } = trust;
  if (serial < named) throw new Fault('MANIFEST_TOO_OLD', { serial, named });
  if (trust.nowMs !== undefined) requireNotExpired(manifest, trust.nowMs);
  return manifest;
}

export function requireNotExpired({ expiresAt }: Pick<Manifest, 'expiresAt'>, nowMs: number): void {
  if (nowMs <= Date.parse(expiresAt)) return;
  throw new Fault('MANIFEST_EXPIRED', { expiresAt, now: new Date(nowMs).toISOString() });
}

/** Every one of them exactly as the manifest has it. */
export function requireListed(manifest: Manifest, artifacts: readonly Artifact[]): void {
  const known = new Set(manifest.artifacts.map(identityOf));
  for (const artifact of artifacts) {
    if (known.has(identityOf(artifact))) continue;
    const { component, version, architecture } = artifact;
    throw new Fault('ARTIFACT_NOT_SIGNED', {
      name: component,
      version,
      architecture,
      serial: manifest.serial,
    });
  }
}

function identityOf({ component, version, architecture, path, sizeBytes, sha256 }: Artifact): string {
  return [component, version, architecture, path, sizeBytes, sha256].join(' ');
}

/** The keys that are trusted once this manifest has been accepted. */
export function keysAfter(manifest: Manifest, keys: readonly string[]): readonly string[] {
  return manifest.keys ?? keys;
}

function parseManifest(bytes: Uint8Array): Manifest {
  const json = parseJson(bytes, { bytes: manifestLimitBytes, depth: peerDepthLimit });
  if (!json.ok) throw new Fault('MANIFEST_INVALID', { detail: json.why });
  const parsed = manifestSchema.safeParse(json.value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Fault('MANIFEST_INVALID', { detail: `${issue?.path.join('.')}: ${issue?.message}` });
}

function isSignedBy(pem: string, bytes: Uint8Array, signatures: Signatures): boolean {
  const signature = signatures.get(keyId(pem));
  if (signature === undefined) return false;
  try {
    return verify('sha256', bytes, publicKey(pem), signature);
  } catch {
    return false;
  }
}

/** P-256 and RSA: what the openssl of el7 can verify. */
export function publicKey(pem: string): KeyObject {
  const key = createPublicKey(pem);
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return key;
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= leastRsaBits) return key;
  throw new Fault('ARTIFACT_KEY_INVALID', {
    detail: `neither ECDSA P-256 nor RSA from ${leastRsaBits} bits`,
  });
}

export function keyId(pem: string): string {
  return sha256Hex(pem);
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function formatSignatures(signatures: Signatures): string {
  return [...signatures].map(([id, signature]) => `${id} ${signature.toString('base64')}\n`).join('');
}

/** Lines that are none are passed over: a signature that can't be read is one that isn't there. */
export function parseSignatures(text: string): Signatures {
  const lines = [...text.matchAll(/^([0-9a-f]{64}) ([A-Za-z0-9+/]+={0,2})$/gm)];
  return new Map(lines.map(([, id = '', base64 = '']) => [id, Buffer.from(base64, 'base64')]));
}

const short = (id: string) => id.slice(0, 12);
