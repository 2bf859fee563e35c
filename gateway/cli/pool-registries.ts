// `--registry-mirror` and `--registry-ca` of a pool: registries with their mirrors and roots,
// each named as REGISTRY=VALUE.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Registry } from '../../protocol/settings/host.ts';
import { requireNoCredential } from '../../protocol/url-credential.ts';

export async function changedRegistries(
  registryMirror: readonly string[] | undefined,
  registryCa: readonly string[] | undefined,
  before: readonly Registry[],
): Promise<readonly Registry[]> {
  // Mirrors are named anew as a whole: their order matters, and one that is taken out should be gone.
  const registries = new Map<string, Registry>();
  for (const one of before)
    registries.set(one.host, registryMirror === undefined ? one : { ...one, mirrors: [] });
  const change = (host: string, patch: (old: Registry) => Registry) =>
    registries.set(host, patch(registries.get(host) ?? { host, mirrors: [] }));
  for (const text of registryMirror ?? []) {
    if (text === 'none') continue;
    const [host, url] = pair(text, 'a mirror: docker.io=https://mirror.example.com');
    requireNoCredential(url, `--registry-mirror ${host}`);
    change(host, (old) => ({ ...old, mirrors: [...old.mirrors, url] }));
  }
  for (const text of registryCa ?? []) {
    const [host, file] = pair(text, 'a CA: registry.example.com=ca.pem');
    const caPem = await readAuthority(file);
    change(host, (old) => ({ ...old, caPem }));
  }
  return [...registries.values()].filter(({ mirrors, caPem }) => mirrors.length > 0 || caPem !== undefined);
}

function pair(text: string, wanted: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new Fault('USAGE', { detail: `"${text}" is not ${wanted}` });
  return [text.slice(0, at), text.slice(at + 1)];
}

async function readAuthority(file: string): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    // Only what counts: files of authorities often begin with a text about each.
    const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    for (const pem of certificates.length === 0 ? [text] : certificates) new X509Certificate(pem);
    return `${certificates.join('\n')}\n`;
  } catch (error) {
    const detail = `${file} is no PEM file with a certificate: ${error instanceof Error ? error.message : error}`;
    throw new Fault('USAGE', { detail }, { cause: error });
  }
}
