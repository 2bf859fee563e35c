// One bootstrap token per node for the kubelet's TLS bootstrap: Secret kube-system/bootstrap-token-<id>, in a
// group whose only right is to ask for a certificate. The gateway can neither read these secrets back nor
// delete them (setup/access.ts): they expire, and the cluster's token cleaner takes them away. Only the id is
// remembered, until the node is Ready; without it no request of such a token is approved.
import { randomInt } from 'node:crypto';
import { secrets } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { bootstrapGroup } from '../kubernetes/names.ts';

const namespace = 'kube-system';
/** From the join to the kubelet's first request: what is downloaded before over a slow line. */
const lifetimeMs = 30 * 60_000;
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export async function createBootstrapToken(
  kubernetes: Kubernetes,
  nodeName: string,
  now: number,
): Promise<{ id: string; token: string }> {
  const id = randomText(6);
  const secret = randomText(16);
  const fields = {
    'token-id': id,
    'token-secret': secret,
    description: `kubelet of the registered node ${nodeName}`,
    expiration: new Date(now + lifetimeMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    'usage-bootstrap-authentication': 'true',
    'auth-extra-groups': bootstrapGroup,
  };
  await kubernetes.create(secrets, {
    metadata: {
      name: `bootstrap-token-${id}`,
      namespace,
      labels: { 'app.kubernetes.io/name': 'regnode' },
      annotations: { 'regnode.io/node': nodeName },
    },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  });
  return { id, token: `${id}.${secret}` };
}

const randomText = (length: number) =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
