// How this node's cluster is reached: as its join was told, and what the gateway has said since. The same
// certificates in another form are no change, for a change starts the kubelet again. Pure.
import { sameCertificates } from '../../protocol/formats/certificates.ts';
import type { DesiredState } from '../../protocol/messages/desired.ts';
import type { NodeIdentity } from './component.ts';
import { type SettingsMemory, settingsInUse } from './settings.ts';

type Bootstrap = NodeIdentity['bootstrap'];

export function withToldCluster<T extends { readonly bootstrap: Bootstrap }>(
  identity: T,
  { apiServer }: Pick<DesiredState, 'apiServer'>,
): T {
  const { bootstrap } = identity;
  const { url = bootstrap.apiServerUrl, caPem = bootstrap.caPem } = apiServer ?? {};
  const told = {
    ...bootstrap,
    apiServerUrl: url,
    caPem: sameCertificates(caPem, bootstrap.caPem) ? bootstrap.caPem : caPem,
  };
  return { ...identity, bootstrap: told };
}

interface Remembered {
  readonly identity: { readonly bootstrap: Bootstrap };
  readonly desired: DesiredState;
  readonly settings: SettingsMemory;
}

/** What the kubelet was started with, which another one may wait to follow. */
export function clusterInUse({ identity, desired, settings }: Remembered): Bootstrap {
  return withToldCluster(identity, settingsInUse(desired, settings)).bootstrap;
}
