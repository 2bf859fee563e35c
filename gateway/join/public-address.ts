// Where this gateway is found, for regnodectl: ConfigMap regnode-system/regnode-gateway {publicUrl, caSha256,
// artifactKeySha256, publishedBy}, and beside it the small files of the artifact store as hosts get them:
// manifest.json, its signatures, the keys. What a join command says about the artifacts, regnodectl reads out
// of those after it has verified them as a host does, so a gateway can't have another script or an older
// issue named than one that the artifact key has signed.
import { Fault } from '../../protocol/catalogue/fault.ts';
import {
  keyId,
  keyName,
  manifestName,
  openManifest,
  parseSignatures,
  sha256Hex,
  signaturesName,
} from '../../protocol/messages/manifest.ts';
import { type ConfigMap, configMaps } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';

const name = 'regnode-gateway';
/**
 * The API server takes 1 MiB of a ConfigMap. A store with more than three thousand archives
 * has no commands made for it.
 */
const publishedLimitBytes = 900 * 1024;

export interface PublicAddress {
  readonly publicUrl: string;
  readonly caSha256: string;
  /** The key that signs the artifacts, as join commands name it. */
  readonly artifactKeySha256: string;
}

export interface PublishedAddress extends PublicAddress {
  /** Not verified. */
  readonly files: Readonly<Record<string, string>>;
}

/** What a join command names of the artifacts. */
export interface ArtifactIssue {
  readonly manifestSerial: number;
  readonly installerSha256: string;
}

/** Who publishes, and who else does. */
export interface Publisher {
  readonly name: string;
  readonly isLive: (replica: string) => boolean;
}

/**
 * A replica with another URL or key changes nothing for a live one that has published
 * before: then why not is returned.
 */
export async function publishAddress(
  kubernetes: Kubernetes,
  address: PublicAddress,
  files: ReadonlyMap<string, Buffer>,
  publisher: Publisher,
): Promise<Fault | undefined> {
  const refusal = whyNot(await kubernetes.get(configMaps, name, gatewayNamespace), address, publisher);
  if (refusal) return refusal;
  const sizeBytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  const published = sizeBytes > publishedLimitBytes ? [] : [...files];
  const texts = Object.fromEntries(published.map(([file, bytes]) => [file, bytes.toString('utf8')]));
  const metadata = { name, namespace: gatewayNamespace };
  const publishedBy = publisher.name;
  await kubernetes.apply(configMaps, { metadata, data: { ...texts, ...address, publishedBy } });
  return undefined;
}

function whyNot(
  found: ConfigMap | undefined,
  { publicUrl, artifactKeySha256 }: PublicAddress,
  publisher: Publisher,
): Fault | undefined {
  const { publishedBy: replica, ...known } = found?.data ?? {};
  if (replica === undefined || replica === publisher.name || !publisher.isLive(replica)) return undefined;
  const differences = Object.entries({ publicUrl, artifactKeySha256 }).flatMap(([field, own]) =>
    known[field] === own ? [] : [`${field} ${known[field]} there, ${own} here`],
  );
  if (differences.length === 0) return undefined;
  const values = { replica, name: publisher.name, differences: differences.join('; ') };
  return new Fault('GATEWAY_DIFFERS', values);
}

export async function readAddress(kubernetes: Kubernetes): Promise<PublishedAddress | undefined> {
  const found = await kubernetes.get(configMaps, name, gatewayNamespace);
  const { publicUrl, caSha256, artifactKeySha256, publishedBy: _, ...files } = found?.data ?? {};
  if (!publicUrl || !caSha256 || !artifactKeySha256) return undefined;
  return { publicUrl, caSha256, artifactKeySha256, files };
}

/**
 * Throws what a host would say, when the key of that hash has not signed what is published. Whether that has
 * expired is left to the host: a store may have been signed again a moment ago.
 */
export function verifiedIssue(
  { files }: Pick<PublishedAddress, 'files'>,
  artifactKeySha256: string,
): ArtifactIssue {
  const text = files[manifestName];
  if (text === undefined) throw unknownInstaller('the gateway has published no manifest');
  const bytes = Buffer.from(text);
  const signatures = parseSignatures(files[signaturesName(sha256Hex(bytes))] ?? '');
  const pem = files[keyName(artifactKeySha256)] ?? '';
  const keys = keyId(pem) === artifactKeySha256 ? [pem] : [];
  const { serial, installers = [] } = openManifest({ bytes, signatures }, { keys, serial: 0 });
  const [newest] = installers;
  if (newest === undefined) throw unknownInstaller(`the manifest ${serial} lists none`);
  return { manifestSerial: serial, installerSha256: newest.sha256 };
}

const unknownInstaller = (detail: string) => new Fault('INSTALLER_UNKNOWN', { detail });
