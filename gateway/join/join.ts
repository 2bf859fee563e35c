// One join, from the request to the answer. Everything is checked before anything is taken: form, token, pool,
// key, name. Then the name is claimed (creating the RegisteredNode is atomic in Kubernetes), the quota counted,
// and last a use of the token taken; what fails after the claim gives the name back. A host that lost our answer
// asks again with the same key and gets one without a second use.
import { isIP } from 'node:net';
import { Fault } from '../../protocol/fault.ts';
import {
  type JoinRequest,
  type JoinResponse,
  nodeNamePattern,
  protocolVersion,
} from '../../protocol/join.ts';
import type { OfferedArtifacts } from '../artifacts/store.ts';
import { nodes } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import {
  leaveFinalizer,
  type RegisteredNode,
  type RegisteredNodeStatus,
  registeredNodes,
} from '../nodes/node.ts';
import { withoutEmpty } from '../nodes/status.ts';
import { desiredState } from '../pools/desired-state.ts';
import { nodePools, poolSpec } from '../pools/pool.ts';
import type { Authority } from './authority.ts';
import { createBootstrapToken, deleteBootstrapToken } from './bootstrap-token.ts';
import { checkCertificateRequest } from './certificate-request.ts';
import { type Applicant, checkToken, consumeToken, type JoinToken } from './token.ts';

export interface JoinDesk {
  readonly kubernetes: Kubernetes;
  readonly authority: Authority;
  readonly artifacts: () => Promise<OfferedArtifacts>;
  readonly apiServer: { readonly url: string; readonly caPem: string };
  /** A node whose tunnel is open is not replaced by a join. */
  readonly isConnected: (nodeName: string) => boolean;
  readonly now: () => number;
}

/** Throws a Fault for every refusal; then the cluster is as it was before. */
export async function join(desk: JoinDesk, request: JoinRequest): Promise<JoinResponse> {
  const { kubernetes, authority } = desk;
  const { nodeName } = request;
  if (!nodeNamePattern.test(nodeName)) throw new Fault('NODE_NAME_INVALID', { name: nodeName.slice(0, 80) });

  const { publicKey, keySha256 } = await checkCertificateRequest(request.csrPem, nodeName);
  const applicant: Applicant = { nodeName, keySha256 };
  const token = await checkToken(kubernetes, request.token, applicant, desk.now());

  const pool = await kubernetes.get(nodePools, token.pool);
  if (!pool || pool.metadata.deletionTimestamp) throw new Fault('POOL_NOT_FOUND', { pool: token.pool });
  const spec = poolSpec(pool);
  const { machineId, architecture } = request.facts;
  const existing = await kubernetes.get(registeredNodes, nodeName);
  assertNotReplayed(existing, token, applicant);
  if (existing) assertSameMachine(existing, token, machineId, desk);
  else await assertNameFree(kubernetes, nodeName);
  const node = existing?.spec ?? {};
  const artifacts = await desk.artifacts();
  const desired = desiredState({ name: token.pool, spec }, node, architecture, artifacts, request.facts);

  const claimed = existing ?? (await claimName(kubernetes, request, token, keySha256));
  try {
    if (!existing) await assertQuota(kubernetes, claimed, spec.maxNodes);
    await consumeToken(kubernetes, token.id, applicant, desk.now());
  } catch (error) {
    if (!existing) await releaseName(kubernetes, claimed);
    throw error;
  }

  if (existing) await renew(kubernetes, existing, request, keySha256);
  const certificate = await authority.issueNode({ name: nodeName, pool: token.pool, publicKey });
  const bootstrap = await createBootstrapToken(kubernetes, nodeName, desk.now());
  try {
    await writeStatus(kubernetes, claimed, {
      phase: 'Joining',
      detail: undefined,
      revision: undefined,
      versions: undefined,
      upgrades: undefined,
      drift: undefined,
      facts: request.facts,
      joinedAt: new Date(desk.now()).toISOString(),
      certificateSerials: [certificate.serial],
      certificateExpiresAt: new Date(certificate.expiresAtMs).toISOString(),
      bootstrapTokenId: bootstrap.id,
    });
  } catch (error) {
    // Nobody would know of it any more.
    await deleteBootstrapToken(kubernetes, bootstrap.id);
    throw error;
  }
  const old = existing?.status?.bootstrapTokenId;
  if (old) await deleteBootstrapToken(kubernetes, old);

  return {
    protocolVersion,
    nodeName,
    pool: token.pool,
    certificatePem: certificate.certificatePem,
    caPem: authority.caPem,
    desired,
    bootstrap: { apiServerUrl: desk.apiServer.url, caPem: desk.apiServer.caPem, token: bootstrap.token },
  };
}

/**
 * The same request may come again as long as its answer may have been lost. Once the node has been here, or was removed,
 * it is somebody else's copy, or a removed host that wants back without a new token.
 */
function assertNotReplayed(
  existing: RegisteredNode | undefined,
  token: JoinToken,
  { nodeName, keySha256 }: Applicant,
): void {
  if (!token.usedBy.some((use) => use.node === nodeName && use.keySha256 === keySha256)) return;
  const { joinedAt = '', tunnel } = existing?.status ?? {};
  const hasBeenHere = tunnel !== undefined && Date.parse(tunnel.since) >= Date.parse(joinedAt);
  if (!existing || hasBeenHere) throw new Fault('JOIN_REPLAYED', { id: token.id, name: nodeName });
}

/** The name is registered: only its own machine may join again, in its own pool, and not while it is connected. */
function assertSameMachine(
  existing: RegisteredNode,
  token: JoinToken,
  machineId: string,
  desk: JoinDesk,
): void {
  const { name, deletionTimestamp } = existing.metadata;
  if (existing.spec.machineId !== machineId) throw new Fault('NODE_NAME_TAKEN', { name });
  if (existing.spec.pool !== token.pool)
    throw new Fault('NODE_IN_OTHER_POOL', { name, pool: existing.spec.pool });
  if (deletionTimestamp) throw new Fault('NODE_LEAVING', { name });
  if (desk.isConnected(name)) throw new Fault('NODE_CONNECTED', { name });
}

/** A Node object without a registration belongs to somebody else, e.g. a cloud node of that name. */
async function assertNameFree(kubernetes: Kubernetes, name: string): Promise<void> {
  if (await kubernetes.get(nodes, name)) throw new Fault('NODE_NAME_TAKEN', { name });
}

async function claimName(
  kubernetes: Kubernetes,
  { nodeName, facts }: JoinRequest,
  token: JoinToken,
  keySha256: string,
): Promise<RegisteredNode> {
  try {
    return await kubernetes.create(registeredNodes, {
      metadata: {
        name: nodeName,
        finalizers: [leaveFinalizer],
        labels: { 'regnode.io/pool': token.pool },
      },
      spec: {
        pool: token.pool,
        machineId: facts.machineId,
        keySha256,
        addresses: facts.addresses.filter((address) => isIP(address) !== 0),
      },
    });
  } catch (error) {
    if (isFailure(error, 'AlreadyExists'))
      throw new Fault('NODE_NAME_TAKEN', { name: nodeName }, { cause: error });
    throw error;
  }
}

/**
 * Counted after the claim, so that joins at the same moment see each other: the earlier claim (resource versions only
 * grow) keeps its place, the later one is refused, and never do both pass.
 */
async function assertQuota(kubernetes: Kubernetes, claimed: RegisteredNode, maxNodes: number): Promise<void> {
  const { pool } = claimed.spec;
  const { items } = await kubernetes.list(registeredNodes, { labelSelector: `regnode.io/pool=${pool}` });
  const version = ({ metadata }: RegisteredNode) => BigInt(metadata.resourceVersion ?? 0);
  const before = items.filter(
    (item) => item.status?.joinedAt !== undefined || version(item) < version(claimed),
  ).length;
  if (before >= maxNodes) throw new Fault('POOL_FULL', { pool, maxNodes });
}

async function releaseName(kubernetes: Kubernetes, claimed: RegisteredNode): Promise<void> {
  const { name, uid } = claimed.metadata;
  await kubernetes.patch(registeredNodes, name, { metadata: { uid, finalizers: null } });
  await kubernetes.remove(registeredNodes, name, uid === undefined ? {} : { uid });
}

async function writeStatus(
  kubernetes: Kubernetes,
  { metadata: { name, uid } }: RegisteredNode,
  status: RegisteredNodeStatus,
): Promise<void> {
  await update(kubernetes, registeredNodes, { name, subresource: 'status' }, (current) => {
    if (current.metadata.uid !== uid) throw new Fault('NODE_NAME_TAKEN', { name });
    return { ...current, status: withoutEmpty({ ...current.status, ...status }) };
  });
}

/** The same machine with a new key and perhaps new addresses. */
async function renew(
  kubernetes: Kubernetes,
  existing: RegisteredNode,
  { nodeName, facts }: JoinRequest,
  keySha256: string,
): Promise<void> {
  const addresses = facts.addresses.filter((address) => isIP(address) !== 0);
  await update(kubernetes, registeredNodes, { name: nodeName }, (current) => {
    if (current.metadata.uid !== existing.metadata.uid)
      throw new Fault('NODE_NAME_TAKEN', { name: nodeName });
    return { ...current, spec: { ...current.spec, keySha256, addresses } };
  });
}
