// The artifact store: a folder with a signed manifest, its signatures, the public keys and the archives that
// it names. It is read again when the manifest's file changes, so a new version is offered without a restart.
// What isn't signed by a key that lies beside it (or by the one that the operator named) is an error that
// says so, never an empty store.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Artifact } from '../../protocol/messages/desired.ts';
import {
  keyId,
  keyName,
  type Manifest,
  manifestName,
  openManifest,
  parseSignatures,
  type Signatures,
  sha256Hex,
  signaturesName,
} from '../../protocol/messages/manifest.ts';

/** What a desired state is made from. */
export interface OfferedArtifacts {
  readonly serial: number;
  readonly sha256: string;
  readonly artifacts: readonly Artifact[];
}

export interface StoredManifest extends OfferedArtifacts {
  readonly manifest: Manifest;
  /** The key that join commands name. */
  readonly keySha256: string;
  /** The small files as they are served, by their names. */
  readonly files: ReadonlyMap<string, Buffer>;
}

export class ArtifactStore {
  readonly directory: string;
  readonly #keySha256: string | undefined;
  #loaded: { stamp: string; manifest: StoredManifest } | undefined;

  /** With `keySha256` only a manifest that this key has signed is offered. */
  constructor(directory: string, keySha256?: string) {
    this.directory = directory;
    this.#keySha256 = keySha256;
  }

  async manifest(): Promise<StoredManifest> {
    const path = join(this.directory, manifestName);
    try {
      const stamp = await this.#stamp(path);
      if (this.#loaded?.stamp !== stamp) this.#loaded = { stamp, manifest: await this.#read(path) };
      return this.#loaded.manifest;
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      const detail = cause instanceof Error ? cause.message : String(cause);
      throw new Fault('CONFIGURATION_INVALID', { path, detail }, { cause });
    }
  }

  async #stamp(path: string): Promise<string> {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs}:${size}:${ino}`;
  }

  async #read(path: string): Promise<StoredManifest> {
    const bytes = await readFile(path);
    const sha256 = sha256Hex(bytes);
    const signaturesFile = signaturesName(sha256);
    const signaturesText = await this.#readOptional(signaturesFile);
    const signatures = parseSignatures(signaturesText?.toString('utf8') ?? '');
    const keys = await this.#keys(signatures);
    const trusted = [...keys].filter(([id]) => this.#keySha256 === undefined || id === this.#keySha256);
    const manifest = openManifest({ bytes, signatures }, { keys: trusted.map(([, pem]) => pem), serial: 0 });
    const files = new Map<string, Buffer>([
      [manifestName, bytes],
      ...[...keys].map(([id, pem]) => [keyName(id), Buffer.from(pem)] as const),
    ]);
    if (signaturesText) files.set(signaturesFile, signaturesText);
    const artifacts = manifest.artifacts.map(({ licence: _licence, ...artifact }) => artifact);
    return { serial: manifest.serial, sha256, artifacts, manifest, files, keySha256: trusted[0]?.[0] ?? '' };
  }

  /** In the order of the signatures; a file that is not what its name says is passed over. */
  async #keys(signatures: Signatures): Promise<Map<string, string>> {
    const keys = new Map<string, string>();
    for (const id of signatures.keys()) {
      const pem = (await this.#readOptional(keyName(id)))?.toString('utf8');
      if (pem !== undefined && keyId(pem) === id) keys.set(id, pem);
    }
    return keys;
  }

  #readOptional(name: string): Promise<Buffer | undefined> {
    return readFile(join(this.directory, name)).catch(() => undefined);
  }
}
