// One bootstrap token per node for the kubelet's TLS bootstrap: Secret kube-system/bootstrap-token-<id>, in a
// group whose only right is to ask for a certificate, gone after an hour (and as soon as the node is Ready).
// The gateway can't read these secrets back; only the id is remembered.
import { randomInt } from 'node:crypto';
import { secrets } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { bootstrapGroup } from '../kubernetes/names.ts';

const namespace = 'kube-system';
const lifetimeMs = 3600_000;
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
      name: secretName(id),
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

export async function deleteBootstrapToken(kubernetes: Kubernetes, id: string): Promise<void> {
  await kubernetes.remove(secrets, secretName(id), { namespace });
}

const secretName = (id: string) => `bootstrap-token-${id}`;
const randomText = (length: number) =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
