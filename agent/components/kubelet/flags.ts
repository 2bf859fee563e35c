// The kubelet's command line by its version: settings that have no place in its file, and settings that a
// version knows only as flags. A kubelet does not start with a flag that it does not know, so each flag has
// its versions and the reason. Pure.
import { isWithin, type VersionRange } from '../../../protocol/compatibility/versions.ts';
import type { DesiredState } from '../../../protocol/messages/desired.ts';
import { paths } from '../../config/paths.ts';
import type { NodeIdentity } from '../component.ts';

/** The default is below /usr/libexec, which is none of our folders. */
export const volumePluginDir = `${paths.kubeletData}/volumeplugins`;
export const runtimeEndpoint = `unix://${paths.containerdSocket}`;

type Identity = Pick<NodeIdentity, 'nodeName' | 'address'>;

interface Flag {
  readonly name: string;
  readonly versions: VersionRange;
  readonly why: string;
  /** undefined: not given. */
  value(desired: DesiredState, identity: Identity): string | undefined;
}

const flags: readonly Flag[] = [
  always('config', () => paths.kubeletConfiguration),
  {
    name: 'config-dir',
    versions: { atLeast: '1.30' },
    why: "an operator's own drop-ins, merged over the file; before 1.30 behind a switch in the environment",
    value: () => paths.kubeletDropIns,
  },
  always('kubeconfig', () => paths.kubeletKubeconfig),
  always('bootstrap-kubeconfig', () => paths.kubeletBootstrap),
  always('cert-dir', () => `${paths.kubeletData}/pki`),
  always('hostname-override', (_, identity) => identity.nodeName),
  always('node-ip', (_, identity) => identity.address),
  {
    name: 'container-runtime',
    versions: { below: '1.27' },
    why: 'up to 1.23 the default is Docker; gone in 1.27',
    value: () => 'remote',
  },
  {
    name: 'container-runtime-endpoint',
    versions: { below: '1.27' },
    why: 'in the file from 1.27',
    value: () => runtimeEndpoint,
  },
  {
    name: 'volume-plugin-dir',
    versions: { below: '1.20' },
    why: 'in the file from 1.20',
    value: () => volumePluginDir,
  },
  {
    name: 'pod-infra-container-image',
    versions: { below: '1.27' },
    why: 'keeps the sandbox image from the image garbage collector; containerd pins it itself since 1.7.3, and the flag is gone in 1.35',
    value: ({ containerd }) => containerd.sandboxImage,
  },
  {
    name: 'register-with-taints',
    versions: { below: '1.23' },
    why: 'in the file from 1.23',
    value: ({ taints }) => (taints.length === 0 ? undefined : taints.map(taintText).join(',')),
  },
];

export function kubeletFlags(desired: DesiredState, identity: Identity, version: string): string[] {
  return flags
    .filter(({ versions }) => isWithin(version, versions))
    .flatMap(({ name, value }) => {
      const text = value(desired, identity);
      return text === undefined ? [] : [`--${name}=${text}`];
    });
}

function always(name: string, value: Flag['value']): Flag {
  return { name, versions: {}, why: 'no field of the file says it', value };
}

function taintText({ key, value, effect }: DesiredState['taints'][number]): string {
  return `${key}=${value ?? ''}:${effect}`;
}
