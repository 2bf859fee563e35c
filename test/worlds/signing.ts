// Signed manifests for tests: a key pair, and the small files of a store as they are served, by their names.
// What is signed can be changed at will, so that a test may sign nonsense.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { Artifact } from '../../protocol/messages/desired.ts';
import {
  formatSignatures,
  keyId,
  keyName,
  manifestName,
  sha256Hex,
  signaturesName,
} from '../../protocol/messages/manifest.ts';

const dayMs = 24 * 3600_000;

export interface TestKey {
  readonly id: string;
  readonly pem: string;
  readonly privateKey: KeyObject;
}

export function testKey(kind: 'ec' | 'rsa' = 'ec'): TestKey {
  const { publicKey, privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { id: keyId(pem), pem, privateKey };
}

export interface Signed {
  readonly serial: number;
  /** Of manifest.json. */
  readonly sha256: string;
  readonly manifest: Record<string, unknown>;
  readonly files: ReadonlyMap<string, Buffer>;
}

export function signManifest(
  artifacts: readonly Artifact[],
  keys: TestKey | readonly TestKey[],
  changes: Readonly<Record<string, unknown>> = {},
): Signed {
  const signers = [keys].flat();
  const manifest = {
    schema: 2,
    serial: 1,
    issuedAt: instant(Date.now() - dayMs),
    expiresAt: instant(Date.now() + 30 * dayMs),
    artifacts: artifacts.map((artifact) => ({ ...artifact, licence: 'Apache-2.0' })),
    ...changes,
  };
  const bytes = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  const sha256 = sha256Hex(bytes);
  const signatures = new Map(signers.map((key) => [key.id, sign('sha256', bytes, key.privateKey)]));
  const files = new Map<string, Buffer>([
    [manifestName, bytes],
    [signaturesName(sha256), Buffer.from(formatSignatures(signatures))],
    ...signers.map((key) => [keyName(key.id), Buffer.from(key.pem)] as const),
  ]);
  return { serial: manifest.serial, sha256, manifest, files };
}

export const instant = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
