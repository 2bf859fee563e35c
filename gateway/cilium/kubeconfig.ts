// How Cilium reaches the API server: not by the service address, which it makes itself, but directly
// over the line or through the regnode agent's listener on the node. Either way it asks for the
// certificate of the API server. Pure.
import type { ApiServerAccess } from '../../protocol/messages/desired.ts';
import { apiServerListenAddress } from '../../protocol/tunnel/targets.ts';

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** JSON is YAML. */
export function ciliumKubeconfig(apiServerUrl: string, access: ApiServerAccess): string {
  const { host, port } = apiServerListenAddress;
  const name = new URL(apiServerUrl).hostname.replace(/^\[|\]$/g, '');
  const server =
    access === 'direct'
      ? { server: apiServerUrl }
      : { server: `https://${host}:${port}`, 'tls-server-name': name };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'cluster', cluster: { ...server, 'certificate-authority': `${serviceAccount}/ca.crt` } },
    ],
    users: [{ name: 'cilium', user: { tokenFile: `${serviceAccount}/token` } }],
    contexts: [{ name: 'cilium', context: { cluster: 'cluster', user: 'cilium' } }],
    'current-context': 'cilium',
  };
  return JSON.stringify(config, undefined, 2);
}
