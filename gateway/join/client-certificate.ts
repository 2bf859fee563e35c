// Decides who is at the other end of a connection, from the client certificate alone: made by our CA
// (node:tls has checked the chain), in its time, and with a serial that the node's registration still lists.
// Taking the serial out of the registration, or deleting it, revokes the certificate at once. One that has
// merely expired is good for one thing: its own renewal, within the grace of its pool; that the peer holds
// the key was proven by the TLS handshake.
import type { TLSSocket } from 'node:tls';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { nodeUri } from './authority.ts';

export interface NodeIdentity {
  readonly name: string;
  readonly pool: string;
}

/** The registrations, live; `refresh` asks the API server for one that the copy may not have yet. */
export interface Registrations {
  get(name: string): RegisteredNode | undefined;
  /** `admits`: what the answer has to be asked anew for. */
  refresh(
    name: string,
    admits: (node: RegisteredNode | undefined) => boolean,
  ): Promise<RegisteredNode | undefined>;
}

export interface PeerCertificate {
  readonly authorized: boolean;
  readonly authorizationError?: string;
  readonly commonName: string;
  readonly uris: readonly string[];
  readonly serial: string;
  readonly expiresAtMs: number;
  /** The whole certificate. */
  readonly der: Uint8Array;
}

/** What makes an expired certificate good enough to be renewed. */
export interface Renewable {
  /** Whether our CA has signed it: node:tls says no more than that it has expired. */
  readonly isOurs: (der: Uint8Array) => boolean;
  readonly graceMs: (pool: string) => number;
}

export function peerCertificate(socket: TLSSocket): PeerCertificate | undefined {
  const certificate = socket.getPeerCertificate();
  // Node gives an empty object when the client sent none.
  if (!certificate?.serialNumber) return undefined;
  const names = certificate.subjectaltname ?? '';
  const commonName = certificate.subject?.CN ?? '';
  // It may say both; what is said against it counts.
  const { authorizationError } = socket;
  const authorized = socket.authorized && !authorizationError;
  return {
    authorized,
    ...(authorized ? {} : { authorizationError: String(authorizationError) }),
    commonName: typeof commonName === 'string' ? commonName : '',
    uris: names.split(', ').flatMap((name) => (name.startsWith('URI:') ? [name.slice(4)] : [])),
    serial: certificate.serialNumber.toUpperCase(),
    expiresAtMs: Date.parse(certificate.valid_to),
    der: certificate.raw,
  };
}

/** Throws CERTIFICATE_REFUSED, or NODE_NOT_REGISTERED when the node is gone. */
export async function identify(
  certificate: PeerCertificate | undefined,
  registrations: Registrations,
  now: number,
): Promise<NodeIdentity> {
  if (!certificate) throw refused('there is none');
  if (!certificate.authorized) throw refused(certificate.authorizationError ?? 'not from this gateway');
  // A resumed TLS session is not checked again by node:tls.
  if (!(certificate.expiresAtMs > now)) throw refused('it has expired');
  return registeredHolder(certificate, registrations);
}

/** As `identify`, but a certificate that has expired within the grace of its pool will do. */
export async function identifyForRenewal(
  certificate: PeerCertificate | undefined,
  registrations: Registrations,
  now: number,
  { isOurs, graceMs }: Renewable,
): Promise<NodeIdentity> {
  if (!certificate || certificate.expiresAtMs > now) return identify(certificate, registrations, now);
  const onlyExpired = certificate.authorized || certificate.authorizationError === 'CERT_HAS_EXPIRED';
  if (!onlyExpired || !isOurs(certificate.der)) throw refused('not from this gateway');
  const node = await registeredHolder(certificate, registrations);
  if (!(certificate.expiresAtMs + graceMs(node.pool) > now)) {
    throw refused('it expired too long ago to be renewed');
  }
  return node;
}

/**
 * The registration as it is now, of whoever shows this certificate: asked when something is done, since what
 * was asked for may have taken its time to come. Throws as `identify` does.
 */
export async function heldRegistration(
  kubernetes: Kubernetes,
  name: string,
  certificate: Pick<PeerCertificate, 'serial'>,
): Promise<RegisteredNode> {
  const registered = await kubernetes.get(registeredNodes, name);
  if (!registered) throw new Fault('NODE_NOT_REGISTERED', { name });
  if (!listsSerial(registered, certificate)) throw refused('it was replaced or revoked');
  return registered;
}

const refused = (detail: string) => new Fault('CERTIFICATE_REFUSED', { detail });

async function registeredHolder(
  certificate: PeerCertificate,
  registrations: Registrations,
): Promise<NodeIdentity> {
  const name = certificate.commonName;
  const known = registrations.get(name);
  const lists = (node: RegisteredNode | undefined) => listsSerial(node, certificate);
  const registered = lists(known) ? known : await registrations.refresh(name, lists);
  if (!registered) throw new Fault('NODE_NOT_REGISTERED', { name });
  if (!listsSerial(registered, certificate)) throw refused('it was replaced or revoked');
  const identity = { name, pool: registered.spec.pool };
  if (!certificate.uris.includes(nodeUri(identity))) throw refused('it belongs to another pool');
  return identity;
}

interface Asked {
  readonly atMs: number;
  readonly answer: Promise<RegisteredNode | undefined>;
  /** Once it is there. */
  said?: { readonly node: RegisteredNode | undefined };
}

/**
 * Reads the API server at most once in a while per name, so that a refused client can't make it work. An old
 * answer may only refuse: one that admits could let in a node that was removed since.
 */
export function registrationsOf(
  kubernetes: Kubernetes,
  cached: (name: string) => RegisteredNode | undefined,
  now: () => number,
): Registrations {
  const asked = new Map<string, Asked>();
  return {
    get: cached,
    refresh(name, admits) {
      const last = asked.get(name);
      const isFresh = last !== undefined && now() - last.atMs < refreshIntervalMs;
      if (isFresh && !(last.said && admits(last.said.node))) return last.answer;
      const one: Asked = { atMs: now(), answer: kubernetes.get(registeredNodes, name) };
      asked.set(name, one);
      one.answer.then(
        (node) => {
          one.said = { node };
        },
        () => asked.delete(name),
      );
      if (asked.size > rememberedNames) asked.delete(asked.keys().next().value ?? '');
      return one.answer;
    },
  };
}

const refreshIntervalMs = 500;
const rememberedNames = 10_000;

function listsSerial(node: RegisteredNode | undefined, { serial }: Pick<PeerCertificate, 'serial'>): boolean {
  return node?.status?.certificateSerials?.includes(serial) ?? false;
}
