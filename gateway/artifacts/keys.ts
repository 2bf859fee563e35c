// The keys that sign manifests. The private half is made and kept wherever the operator wants it, best
// on a machine without a network, and is never copied into a store; the public half lies in the store
// under the sha256 of its file.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { keyId, publicKey } from '../../protocol/messages/manifest.ts';

export type KeyKind = 'ecdsa-p256' | 'rsa-3072';

export interface SigningKey {
  readonly id: string;
  readonly publicPem: string;
  sign(bytes: Uint8Array): Buffer;
}

/**
 * Writes the private half to `file` (0600) and the public one beside it; a file that is there already stays.
 */
export async function generateKey(
  file: string,
  kind: KeyKind,
): Promise<{ keySha256: string; publicFile: string }> {
  const { privateKey } =
    kind === 'ecdsa-p256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 3072 });
  const publicFile = `${file}.pub`;
  const publicPem = publicPemOf(privateKey);
  try {
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new Fault(
      'BUNDLE_INVALID',
      { path: file, detail: 'it is there already, or cannot be written' },
      { cause },
    );
  }
  await writeFile(publicFile, publicPem);
  return { keySha256: keyId(publicPem), publicFile };
}

export async function readSigningKey(file: string): Promise<SigningKey> {
  const privateKey = await readPrivateKey(file);
  const publicPem = publicPemOf(privateKey);
  publicKey(publicPem); // throws when hosts could not verify with it
  return { id: keyId(publicPem), publicPem, sign: (bytes) => sign('sha256', bytes, privateKey) };
}

async function readPrivateKey(file: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await readFile(file));
  } catch (cause) {
    const detail = `${file} holds no private key in PEM that can be read without a passphrase`;
    throw new Fault('ARTIFACT_KEY_INVALID', { detail }, { cause });
  }
}

function publicPemOf(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}
