// One join, from the request to the answer. Everything is checked before anything is taken: form, token,
// pool, key, name. Then the name is claimed (creating the RegisteredNode is atomic in Kubernetes), the quota
// counted, and last a use of the token taken; what fails after the claim gives the name back. A host that
// lost our answer asks again with the same key and gets one without a second use.
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../protocol/catalogue/fault.ts';
import {
  type HostFacts,
  type JoinRequest,
  type JoinResponse,
  nodeNamePattern,
  protocolVersion,
} from '../../protocol/messages/join.ts';
import type { AddressBook } from '../addresses/book.ts';
import type { OfferedArtifacts } from '../artifacts/store.ts';
import { nodes } from '../kubernetes/kinds.ts';
import { type Kubernetes, update } from '../kubernetes/kubernetes.ts';
import { desiredState, type OfGateway } from '../pools/desired-state.ts';
import { nodePools, poolSpec } from '../resources/node-pool.ts';
import {
  type RegisteredNode,
  type RegisteredNodeStatus,
  registeredNodes,
} from '../resources/registered-node.ts';
import { withoutEmpty } from '../resources/without-empty.ts';
import { type AdmittedAddresses, admitAddresses } from './address-admission.ts';
import type { Authority } from './authority.ts';
import { createBootstrapToken, earlierBootstrapToken } from './bootstrap-token.ts';
import { checkCertificateRequest } from './certificate-request.ts';
import { compareHardware, mergedHardware } from './hardware.ts';
import type { JoinPace } from './join-pace.ts';
import { assertNameOfPool } from './node-names.ts';
import { takePlace } from './place.ts';
import { assertMayReturn, returned } from './readmission.ts';
import { rememberByRange, takeYielded } from './taken-addresses.ts';
import { type Applicant, assertUsable, consumeToken, findToken, isUsedBy } from './token.ts';

export interface JoinDesk {
  readonly kubernetes: Kubernetes;
  readonly authority: Authority;
  readonly artifacts: () => Promise<OfferedArtifacts>;
  /** Of pools that do not say. */
  readonly ofGateway?: OfGateway;
  readonly apiServer: { readonly url: string; readonly caPem: string };
  /** Whose names and addresses are. */
  readonly book: Pick<AddressBook, 'current'>;
  /** A node whose tunnel is open is not replaced by a join. */
  readonly isConnected: (nodeName: string) => boolean;
  readonly pace: JoinPace;
  readonly now: () => number;
}

export interface Joined {
  readonly answer: JoinResponse;
  /** What the host stated and did not get, with the reasons. */
  readonly leftOut: AdmittedAddresses['leftOut'];
  /** From whom an address was taken that its connection comes from. */
  readonly yielding: AdmittedAddresses['yielding'];
  /** It took the place of a node with another key, as an operator had allowed. */
  readonly readmitted: boolean;
}

/**
 * Throws a Fault for every refusal; then the cluster is as it was before. `source` is the
 * other end of the connection.
 */
export async function join(desk: JoinDesk, request: JoinRequest, source: string): Promise<Joined> {
  const { kubernetes, authority } = desk;
  const { nodeName } = request;
  if (!nodeNamePattern.test(nodeName)) throw new Fault('NODE_NAME_INVALID', { name: nodeName.slice(0, 80) });

  desk.pace.begin(request.token, source, desk.now());
  // Anybody may ask; to read a certificate request is the dear part.
  const token = await findToken(kubernetes, request.token);
  const { publicKey, keySha256 } = await checkCertificateRequest(request.csrPem, nodeName);
  const { machineId, architecture, hardware } = request.facts;
  const applicant: Applicant = { nodeName, keySha256, machineId, source };
  desk.pace.admit(request.token, applicant, desk.now());
  assertUsable(token, applicant, desk.now());

  const pool = await kubernetes.get(nodePools, token.pool);
  if (!pool || pool.metadata.deletionTimestamp) throw new Fault('POOL_NOT_FOUND', { pool: token.pool });
  const spec = poolSpec(pool);
  const host = { pool: token.pool, keySha256, machineId, hardware };
  const existing = await kubernetes.get(registeredNodes, nodeName);
  const isRepeat = isUsedBy(token, applicant);
  if (isRepeat) assertNotReplayed(existing, token.id, nodeName);
  if (existing) assertMayReturn(existing, host, desk.isConnected(nodeName), desk.now());
  const isNode = existing?.status?.joinedAt !== undefined;
  // A claim whose join has not ended has made no Node: one that is there is somebody else's.
  if (!isNode) {
    assertNameOfPool(nodeName, { name: token.pool, nodeNames: spec.nodeNames }, token.binding.nodeName);
    await assertNameFree(kubernetes, nodeName);
  }
  const { addresses, leftOut, byRange, yielding } = await admitAddresses(desk.book, {
    ...{ nodeName, source, existing, pool: token.pool },
    addresses: request.facts.addresses,
    nodeCidrs: spec.nodeCidrs,
  });
  const node = existing?.spec ?? {};
  const artifacts = await desk.artifacts();
  const desired = desiredState(
    { name: token.pool, spec },
    node,
    architecture,
    artifacts,
    request.facts,
    desk.ofGateway,
  );

  await takeYielded(kubernetes, yielding);
  if (existing && isNode) await rememberByRange(kubernetes, existing, byRange);
  const place = await takePlace(kubernetes, nodeName, {
    existing,
    spec: existing
      ? returned(existing, host, addresses, desk.now())
      : { pool: token.pool, keySha256, machineId, addresses: [...addresses] },
    maxNodes: spec.maxNodes,
  });
  const { claimed } = place;
  try {
    desk.pace.take(token.id, applicant, desk.now());
    await consumeToken(kubernetes, token.id, applicant, desk.now());
  } catch (error) {
    await place.giveBack();
    throw error;
  }

  if (existing && isNode) {
    await update(kubernetes, registeredNodes, { name: nodeName }, (current) => {
      if (current.metadata.uid !== existing.metadata.uid)
        throw new Fault('NODE_NAME_TAKEN', { name: nodeName });
      assertPlaced(current, addresses);
      return { ...current, spec: returned(current, host, addresses, desk.now()) };
    });
  }
  const certificate = await authority.issueNode({ name: nodeName, pool: token.pool, publicKey });
  const earlier =
    existing && isRepeat && existing.spec.keySha256 === keySha256
      ? earlierBootstrapToken(authority, existing, desk.now())
      : undefined;
  const joinedAt = earlier?.joinedAt ?? new Date(desk.now()).toISOString();
  const joining = { uid: claimed.metadata.uid, joinedAt };
  const bootstrap = earlier ?? (await createBootstrapToken(desk, nodeName, joining));
  await writeStatus(kubernetes, claimed, keySha256, {
    phase: 'Joining',
    detail: undefined,
    revision: undefined,
    versions: undefined,
    upgrades: undefined,
    drift: undefined,
    facts: joinedFacts(existing, request.facts),
    addressRefused: undefined,
    addressesByRange: [...byRange],
    joinedAt,
    certificateSerials: [certificate.serial],
    certificateExpiresAt: new Date(certificate.expiresAtMs).toISOString(),
    bootstrapTokenId: bootstrap.id,
  });

  const answer: JoinResponse = {
    protocolVersion,
    nodeName,
    pool: token.pool,
    certificatePem: certificate.certificatePem,
    caPem: authority.caPem,
    desired,
    bootstrap: { apiServerUrl: desk.apiServer.url, caPem: desk.apiServer.caPem, token: bootstrap.token },
  };
  const readmitted = existing !== undefined && isNode && existing.spec.keySha256 !== keySha256;
  return { answer, leftOut, yielding, readmitted };
}

/**
 * What the host does not tell this time of its hardware is known from before, unless it is another machine.
 */
function joinedFacts(existing: RegisteredNode | undefined, facts: HostFacts): HostFacts {
  const known = existing?.status?.facts?.hardware;
  const isOther = compareHardware(known, facts.hardware).comparison === 'other';
  const hardware = isOther ? facts.hardware : mergedHardware(known, facts.hardware);
  return { ...facts, ...(hardware && { hardware }) };
}

/**
 * The same request may come again as long as its answer may have been lost. Once the node has been here, or
 * was removed, it is somebody else's copy, or a removed host that wants back without a new token.
 */
function assertNotReplayed(existing: RegisteredNode | undefined, id: string, name: string): void {
  const { joinedAt = '', tunnel } = existing?.status ?? {};
  const hasBeenHere = tunnel !== undefined && Date.parse(tunnel.since) >= Date.parse(joinedAt);
  if (!existing || hasBeenHere) throw new Fault('JOIN_REPLAYED', { id, name });
}

/** A Node object without a registration belongs to somebody else, e.g. a cloud node of that name. */
async function assertNameFree(kubernetes: Kubernetes, name: string): Promise<void> {
  if (await kubernetes.get(nodes, name)) throw new Fault('NODE_NAME_TAKEN', { name });
}

/**
 * What it took is still its own: addresses that the node gave up meanwhile, by saying that it has moved,
 * another may have found free.
 */
function assertPlaced({ spec }: RegisteredNode, addresses: readonly string[]): void {
  if (isDeepStrictEqual(spec.addresses, addresses)) return;
  const detail = 'the node has named other addresses meanwhile';
  throw new Fault('ADDRESS_NOT_OWNED', { address: addresses[0] ?? '', detail, pool: spec.pool });
}

/** Of this very registration, while it has the key whose certificate is written down. */
async function writeStatus(
  kubernetes: Kubernetes,
  { metadata: { name, uid } }: RegisteredNode,
  keySha256: string,
  status: RegisteredNodeStatus,
): Promise<void> {
  await update(kubernetes, registeredNodes, { name, subresource: 'status' }, (current) => {
    if (current.metadata.uid !== uid || current.spec.keySha256 !== keySha256)
      throw new Fault('NODE_NAME_TAKEN', { name });
    return { ...current, status: withoutEmpty({ ...current.status, ...status }) };
  });
}
