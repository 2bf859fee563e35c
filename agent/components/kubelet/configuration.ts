// The kubelet's configuration file and flags by its version, 1.18 to 1.36. What moved from flag to file, or went,
// is a row here with its reason. The file is decoded strictly: a field that a version doesn't know stops it. Pure.
import type { ApiServerAccess, DesiredState } from '../../../protocol/desired.ts';
import { paths } from '../../config/paths.ts';
import { apiServerListenAddress } from '../../tunnel/api-server.ts';
import type { NodeFacts, NodeIdentity } from '../component.ts';
import { isAtLeast, parseVersion, type Version } from '../version.ts';

/** The default is below /usr/libexec, which is none of our folders. A flag for those that lack the field. */
const volumePluginDir = `${paths.kubeletData}/volumeplugins`;
const runtimeEndpoint = `unix://${paths.containerdSocket}`;

export function kubeletConfiguration(facts: NodeFacts, desired: DesiredState, version: string): object {
  const kubelet = parseVersion(version);
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true, cacheTTL: '2m0s' },
      x509: { clientCAFile: paths.clusterAuthority },
    },
    authorization: { mode: 'Webhook' },
    rotateCertificates: true,
    serverTLSBootstrap: true,
    cgroupDriver: facts.cgroupDriver,
    resolvConf: facts.resolvConf,
    clusterDomain: desired.kubelet.clusterDomain,
    clusterDNS: desired.kubelet.clusterDns,
    maxPods: desired.kubelet.maxPods,
    // How soon a change of the node is noticed (10 s by default, half of the time to Ready), not how often it is told.
    nodeStatusUpdateFrequency: '4s',
    nodeStatusReportFrequency: '5m0s',
    ...(isAtLeast(kubelet, 1, 20) ? { volumePluginDir } : {}),
    ...taints(kubelet, desired),
    // From 1.27 in the file; the flag is gone since.
    ...(isAtLeast(kubelet, 1, 27) ? { containerRuntimeEndpoint: runtimeEndpoint } : {}),
    // From 1.35 the kubelet refuses cgroup v1 unless it is told not to.
    ...(isAtLeast(kubelet, 1, 35) && facts.cgroupVersion === 1 ? { failCgroupV1: false } : {}),
  };
}

export function kubeletFlags(
  desired: DesiredState,
  identity: Pick<NodeIdentity, 'nodeName' | 'address'>,
  version: string,
): string[] {
  const kubelet = parseVersion(version);
  return [
    `--config=${paths.kubeletConfiguration}`,
    `--kubeconfig=${paths.kubeletKubeconfig}`,
    `--bootstrap-kubeconfig=${paths.kubeletBootstrap}`,
    `--cert-dir=${paths.kubeletData}/pki`,
    `--hostname-override=${identity.nodeName}`,
    `--node-ip=${identity.address}`,
    ...(isAtLeast(kubelet, 1, 27)
      ? []
      : ['--container-runtime=remote', `--container-runtime-endpoint=${runtimeEndpoint}`]),
    ...(isAtLeast(kubelet, 1, 20) ? [] : [`--volume-plugin-dir=${volumePluginDir}`]),
    // Keeps the sandbox image from the image garbage collector; containerd pins it itself since 1.7.3.
    ...(isAtLeast(kubelet, 1, 27) ? [] : [`--pod-infra-container-image=${desired.containerd.sandboxImage}`]),
    ...(isAtLeast(kubelet, 1, 23) || desired.taints.length === 0
      ? []
      : [`--register-with-taints=${desired.taints.map(flagTaint).join(',')}`]),
  ];
}

// In the file from 1.23, a flag before.
function taints(kubelet: Version, { taints: list }: DesiredState): object {
  return isAtLeast(kubelet, 1, 23) && list.length > 0 ? { registerWithTaints: list } : {};
}

function flagTaint({ key, value, effect }: DesiredState['taints'][number]): string {
  return `${key}=${value ?? ''}:${effect}`;
}

/** How the kubelet reaches the API server for the first time, with the token made for this node alone. */
export function bootstrapKubeconfig(identity: NodeIdentity, access: ApiServerAccess): object {
  return kubeconfig(identity, access, { token: identity.bootstrap.token });
}

/** How it does afterwards, with the certificate that it keeps renewing. */
export function accessKubeconfig(identity: NodeIdentity, access: ApiServerAccess): object {
  const pem = `${paths.kubeletData}/pki/kubelet-client-current.pem`;
  return kubeconfig(identity, access, { 'client-certificate': pem, 'client-key': pem });
}

function kubeconfig({ bootstrap }: NodeIdentity, access: ApiServerAccess, user: object): object {
  const cluster = {
    ...server(bootstrap.apiServerUrl, access),
    'certificate-authority': paths.clusterAuthority,
  };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster }],
    users: [{ name: 'kubelet', user }],
    contexts: [{ name: 'kubelet', context: { cluster: 'cluster', user: 'kubelet' } }],
    'current-context': 'kubelet',
  };
}

/** Through the tunnel it dials the agent, and still asks for the certificate of the API server itself. */
function server(apiServerUrl: string, access: ApiServerAccess): object {
  if (access === 'direct') return { server: apiServerUrl };
  const { host, port } = apiServerListenAddress;
  const name = new URL(apiServerUrl).hostname.replace(/^\[|\]$/g, '');
  return { server: `https://${host}:${port}`, 'tls-server-name': name };
}
