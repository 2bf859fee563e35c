// The kubelet's ways to its API server: with the bootstrap token for the first time, with the certificate
// that it keeps renewing afterwards; directly, or through the agent's local listener. Pure.
import type { ApiServerAccess } from '../../../protocol/messages/desired.ts';
import { apiServerListenAddress } from '../../../protocol/tunnel/targets.ts';
import { paths } from '../../config/paths.ts';
import type { NodeIdentity } from '../component.ts';

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
