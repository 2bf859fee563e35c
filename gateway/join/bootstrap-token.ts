// One bootstrap token per node for the kubelet's TLS bootstrap: Secret kube-system/bootstrap-token-<id>, in a
// group whose only right is to ask for a certificate. The gateway can neither read these secrets back nor
// delete them (setup/access.ts): they expire, and the cluster's token cleaner takes them away. Only the id is
// remembered, until the node is Ready; without it no request of such a token is approved. A token is derived
// from the CA's key and the join that it was made for, so the same join, asked again, is given the same one
// and nobody has to keep it.

import { secrets } from '../kubernetes/kinds.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { bootstrapGroup } from '../kubernetes/names.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import type { Authority } from './authority.ts';

const namespace = 'kube-system';
/** From the join to the kubelet's first request: what is downloaded before over a slow line. */
const lifetimeMs = 30 * 60_000;
/** A token is not given again when less of its life is left. */
const leastLeftMs = 15 * 60_000;
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

export interface BootstrapToken {
  readonly id: string;
  readonly token: string;
}

/** The join of a registration at this time. */
interface Joining {
  readonly uid: string | undefined;
  readonly joinedAt: string;
}

export async function createBootstrapToken(
  { kubernetes, authority }: { kubernetes: Kubernetes; authority: Pick<Authority, 'derive'> },
  nodeName: string,
  joining: Joining,
): Promise<BootstrapToken> {
  const { id, secret } = derived(authority, joining);
  const expiresAtMs = Date.parse(joining.joinedAt) + lifetimeMs;
  const fields = {
    'token-id': id,
    'token-secret': secret,
    description: `kubelet of the registered node ${nodeName}`,
    expiration: new Date(expiresAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
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

/**
 * The one that was made for this registration's last join, while it lives long enough. undefined also when it
 * was made by an earlier release, or under another CA.
 */
export function earlierBootstrapToken(
  authority: Pick<Authority, 'derive'>,
  { metadata: { uid }, status }: RegisteredNode,
  now: number,
): (BootstrapToken & { readonly joinedAt: string }) | undefined {
  const { joinedAt, bootstrapTokenId } = status ?? {};
  if (joinedAt === undefined || bootstrapTokenId === undefined) return undefined;
  const ageMs = now - Date.parse(joinedAt);
  if (!(ageMs >= 0 && ageMs < lifetimeMs - leastLeftMs)) return undefined;
  const { id, secret } = derived(authority, { uid, joinedAt });
  return id === bootstrapTokenId ? { id, token: `${id}.${secret}`, joinedAt } : undefined;
}

/** 22 characters out of 32 bytes: that 256 is no multiple of 36 costs the secret less than a bit. */
function derived(authority: Pick<Authority, 'derive'>, { uid, joinedAt }: Joining) {
  const bytes = authority.derive(`bootstrap token ${uid} ${joinedAt}`);
  const text = [...bytes].map((byte) => alphabet[byte % alphabet.length]).join('');
  return { id: text.slice(0, 6), secret: text.slice(6, 22) };
}
