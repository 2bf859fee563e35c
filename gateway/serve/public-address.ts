// Where this gateway is found, for regnodectl: ConfigMap regnode-system/regnode-gateway {publicUrl, caSha256,
// artifactKeySha256}.
import { gatewayNamespace } from '../kubernetes/access.ts';
import { configMaps } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';

const name = 'regnode-gateway';

export interface PublicAddress {
  readonly publicUrl: string;
  readonly caSha256: string;
  /** The key that signs the artifacts, as join commands name it. */
  readonly artifactKeySha256: string;
}

export async function publishAddress(kubernetes: Kubernetes, address: PublicAddress): Promise<void> {
  const metadata = { name, namespace: gatewayNamespace };
  await kubernetes.apply(configMaps, { metadata, data: { ...address } });
}

export async function readAddress(kubernetes: Kubernetes): Promise<PublicAddress | undefined> {
  const found = await kubernetes.get(configMaps, name, gatewayNamespace);
  const { publicUrl, caSha256, artifactKeySha256 } = found?.data ?? {};
  if (!publicUrl || !caSha256 || !artifactKeySha256) return undefined;
  return { publicUrl, caSha256, artifactKeySha256 };
}
