// Approves the certificates of registered kubelets, and nothing else. A client certificate only for the
// holder of the very bootstrap token that was made for that node, or for the node itself when it renews; a
// serving certificate only for the node itself, for its own name and registered addresses. What claims to be
// ours and is not right is denied with the reason; every other request is left to whoever it belongs to. A
// request that could be read in two ways (two PEM blocks, an attribute or an extension twice) is denied:
// signers of old releases take the last.

import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '../../protocol/messages/x509.ts';
import { addressObjection, type Claims, nameObjection } from '../addresses/claims.ts';
import { told } from '../kubernetes/event-recorder.ts';
import { type CertificateSigningRequest, certificateSigningRequests } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { bootstrapGroup } from '../kubernetes/names.ts';
import { canonicalAddress } from '../resources/address.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';

export const clientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
export const servingSigner = 'kubernetes.io/kubelet-serving';

export type CertificateDecision =
  | { readonly decision: 'approve'; readonly node: string }
  | { readonly decision: 'deny'; readonly node: string; readonly reason: string }
  | { readonly decision: 'ignore' };

const subjectAlternativeName = '2.5.29.17';
const ignore: CertificateDecision = { decision: 'ignore' };
const clientUsages = ['client auth', 'digital signature', 'key encipherment'];
const servingUsages = ['digital signature', 'key encipherment', 'server auth'];

export interface CertificateWorld {
  /** From the API server: a copy may lag behind a join of just now. */
  readonly registered: (name: string) => Promise<RegisteredNode | undefined>;
  /** Whose these addresses are now. */
  readonly claims: (addresses: readonly string[]) => Promise<Claims>;
}

export async function decideCertificate(
  csr: CertificateSigningRequest,
  world: CertificateWorld,
): Promise<CertificateDecision> {
  const { signerName, username = '', groups = [] } = csr.spec;
  if (signerName !== clientSigner && signerName !== servingSigner) return ignore;
  if ((csr.status?.conditions ?? []).some(({ type }) => type === 'Approved' || type === 'Denied'))
    return ignore;
  const self = username.startsWith('system:node:') ? username.slice('system:node:'.length) : undefined;
  const bootstrapping = groups.includes(bootstrapGroup);
  if (!bootstrapping && self === undefined) return ignore;

  const request = parse(csr.spec.request);
  const asked = request?.subjectName.getField('CN')[0]?.replace(/^system:node:/, '') ?? '';
  const name = self ?? asked;
  const node = name === '' ? undefined : await world.registered(name);
  // A node of the cloud renewing its own certificate is nobody's business here, also beside a
  // registration under which nobody joined.
  if (!bootstrapping && node?.status?.joinedAt === undefined) return ignore;

  const deny = (reason: string): CertificateDecision => ({ decision: 'deny', node: name, reason });
  if (!request) return deny('the request cannot be read, or in more than one way');
  if (!node || node.metadata.deletionTimestamp)
    return deny(`the node ${name.slice(0, 63)} is not registered`);
  if (request.subject !== `O=system:nodes, CN=system:node:${name}`) {
    if (request.subject !== `CN=system:node:${name}, O=system:nodes`)
      return deny('the subject is another one');
  }
  if (signerName === servingSigner) return decideServing(csr, request, node, self, world, deny);

  if (bootstrapping && username !== `system:bootstrap:${node.status?.bootstrapTokenId}`) {
    return deny('the bootstrap token was made for another node');
  }
  if (!isSubset(csr.spec.usages, clientUsages)) return deny('the usages are not those of a client');
  if (alternativeNames(request).length > 0) return deny('a client certificate has no alternative names');
  return { decision: 'approve', node: name };
}

async function decideServing(
  csr: CertificateSigningRequest,
  request: Pkcs10CertificateRequest,
  node: RegisteredNode,
  self: string | undefined,
  { claims: readClaims }: CertificateWorld,
  deny: (reason: string) => CertificateDecision,
): Promise<CertificateDecision> {
  const { name } = node.metadata;
  if (self !== name) return deny('only the node itself may ask for its serving certificate');
  if (!isSubset(csr.spec.usages, servingUsages)) return deny('the usages are not those of a server');
  const names = alternativeNames(request);
  if (names.length === 0) return deny('a serving certificate needs a name or an address');
  const registered = new Set(node.spec.addresses.map(canonicalAddress));
  const wrong = names.find(({ type, value }) =>
    type === 'dns' ? value !== name : type !== 'ip' || !registered.has(value),
  );
  if (wrong) return deny(`${wrong.type} ${wrong.value.slice(0, 63)} is not registered for this node`);
  // It was its own when it joined; what is signed now has to be its own now.
  const addresses = names.flatMap(({ type, value }) => (type === 'ip' ? [value] : []));
  const claims = await readClaims(addresses);
  const claimant = { name, sinceMs: Date.parse(node.metadata.creationTimestamp ?? '') };
  for (const { type, value } of [{ type: 'dns', value: name }, ...names]) {
    const judge = type === 'dns' ? nameObjection : addressObjection;
    const objection = judge(value, claimant, claims);
    if (objection !== undefined) return deny(`${type} ${value.slice(0, 63)}: ${objection}`);
  }
  return { decision: 'approve', node: name };
}

/**
 * Writes the decision. False: somebody else, or another replica, has decided or
 * deleted the request meanwhile. `csr` may be what was kept of it (kept-requests.ts): its spec never changes.
 */
export async function writeDecision(
  kubernetes: Kubernetes,
  csr: CertificateSigningRequest,
  decision: Exclude<CertificateDecision, { decision: 'ignore' }>,
): Promise<boolean> {
  const approved = decision.decision === 'approve';
  const condition = {
    type: approved ? 'Approved' : 'Denied',
    status: 'True',
    ...(approved
      ? told('REGISTERED_NODE', { name: decision.node })
      : told('NOT_THIS_REGISTERED_NODE', { detail: decision.reason })),
  };
  const current = await kubernetes.get(certificateSigningRequests, csr.metadata.name);
  if (current === undefined || current.metadata.uid !== csr.metadata.uid) return false;
  if (current.status?.certificate || current.status?.conditions?.length) return false;
  try {
    await kubernetes.replace(
      certificateSigningRequests,
      { ...current, status: { ...current.status, conditions: [condition] } },
      'approval',
    );
    return true;
  } catch (error) {
    if (!isFailure(error, 'Conflict', 'NotFound')) throw error;
    return false;
  }
}

/** One block and nothing around it, so that we read what the signer reads. */
const onePem =
  /^\s*-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE REQUEST-----\s*$/;

/**
 * Of a kubelet it is below 2 KiB; what is long can be of ten thousand parts, a quarter of a second to read.
 */
export const requestLimitCharacters = 8192;

function parse(base64Pem: string): Pkcs10CertificateRequest | undefined {
  if (base64Pem.length > requestLimitCharacters) return undefined;
  const text = Buffer.from(base64Pem, 'base64').toString('latin1').replaceAll('\r\n', '\n');
  const body = onePem.exec(text)?.[1];
  if (body === undefined) return undefined;
  try {
    const request = new Pkcs10CertificateRequest(Buffer.from(body, 'base64'));
    return isPlain(request) ? request : undefined;
  } catch {
    return undefined;
  }
}

function isPlain({ attributes, extensions }: Pkcs10CertificateRequest): boolean {
  const once = (types: readonly string[]) => new Set(types).size === types.length;
  return (
    once(attributes.map(({ type }) => type)) &&
    attributes.every(({ values }) => values.length === 1) &&
    once(extensions.map(({ type }) => type))
  );
}

function alternativeNames(request: Pkcs10CertificateRequest): { type: string; value: string }[] {
  const extension = request.getExtension(subjectAlternativeName);
  if (!extension) return [];
  return new SubjectAlternativeNameExtension(extension.rawData).names.items.map(({ type, value }) => ({
    type,
    value: type === 'ip' ? (canonicalAddress(value) ?? value) : value,
  }));
}

function isSubset(usages: readonly string[] = [], allowed: readonly string[]): boolean {
  return usages.length > 0 && usages.every((usage) => allowed.includes(usage));
}
