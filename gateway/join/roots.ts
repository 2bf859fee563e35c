// The roots as Secret regnode-system/regnode-ca holds them: one that signs and, until its date, the one
// before it. The first replica that creates the Secret wins, every other one reads it. Where hosts have
// joined there was one before, which they trust and nobody can make again: then none is made, unless an
// operator says that these hosts are to join anew.
import { hkdfSync, type webcrypto } from 'node:crypto';
import { Fault } from '../../protocol/catalogue/fault.ts';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '../../protocol/messages/x509.ts';
import { type Secret, secrets } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes, KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';

export const authoritySecret = 'regnode-ca';
/** Fields of the Secret during a rotation: the root before, its key, and until when it is trusted. */
export const previousCertificate = 'previous.crt';
export const previousKey = 'previous.key';
export const previousUntil = 'previous-trusted-until';

const authorityLifetimeMs = 3650 * 24 * 3600_000;
/** Certificates begin a little in the past: hosts' clocks are not all right to the second. */
export const backdateMs = 3600_000;

export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
export const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

export interface Root {
  readonly pem: string;
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
  /** A secret for another purpose, the same in every replica; says nothing of the key. */
  derive(purpose: string): Uint8Array;
}

/** The one that signs node certificates is first. */
export type Roots = readonly [Root, ...Root[]];

export async function readOrCreateRoots(kubernetes: Kubernetes, now: () => number): Promise<Roots> {
  const stored = await kubernetes.get(secrets, authoritySecret, gatewayNamespace);
  if (stored) return read(stored, now());
  await assertNobodyTrusts(kubernetes);
  return createRoots(kubernetes, now);
}

/** Throws AUTHORITY_LOST when there is no CA, but there are hosts that trust one. */
export async function assertAuthority(kubernetes: Kubernetes): Promise<void> {
  if (!(await kubernetes.get(secrets, authoritySecret, gatewayNamespace)))
    await assertNobodyTrusts(kubernetes);
}

async function assertNobodyTrusts(kubernetes: Kubernetes): Promise<void> {
  const items = await registrations(kubernetes);
  const names = items.filter(({ status }) => status?.joinedAt).map(({ metadata }) => metadata.name);
  if (names.length === 0) return;
  const shown = names.length > 5 ? [...names.slice(0, 5), '…'] : names;
  throw new Fault('AUTHORITY_LOST', {
    secret: `${gatewayNamespace}/${authoritySecret}`,
    count: names.length,
    names: shown.join(', '),
  });
}

/** An API server that has just got the CRD knows no path of it for a moment, and no host has joined then. */
async function registrations(kubernetes: Kubernetes): Promise<readonly RegisteredNode[]> {
  try {
    return (await kubernetes.list(registeredNodes)).items;
  } catch (error) {
    if (error instanceof KubernetesFailure && error.status === 404) return [];
    throw error;
  }
}

/** Or reads what another one has created at the same moment. */
export async function createRoots(kubernetes: Kubernetes, now: () => number): Promise<Roots> {
  try {
    const { pem, keyPem } = await newRoot(now());
    const created = await kubernetes.create(secrets, {
      metadata: { name: authoritySecret, namespace: gatewayNamespace },
      type: 'kubernetes.io/tls',
      data: encodeFields({ 'ca.crt': pem, 'tls.crt': pem, 'tls.key': keyPem }),
    });
    return await read(created, now());
  } catch (error) {
    if (!isFailure(error, 'AlreadyExists')) throw error;
    const winner = await kubernetes.get(secrets, authoritySecret, gatewayNamespace);
    if (!winner) throw error;
    return read(winner, now());
  }
}

async function read(stored: Secret, now: number): Promise<Roots> {
  const fields = decodeFields(stored);
  const root = async (pem = '', keyPem = ''): Promise<Root> => ({
    pem,
    certificate: new X509Certificate(pem),
    key: await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(keyPem), keyAlgorithm, false, [
      'sign',
    ]),
    derive: (purpose) => Buffer.from(hkdfSync('sha256', keyPem, '', `regnode ${purpose}`, 32)),
  });
  const current = await root(fields['tls.crt'], fields['tls.key']);
  if (!(Date.parse(fields[previousUntil] ?? '') > now)) return [current];
  return [current, await root(fields[previousCertificate], fields[previousKey])];
}

/** A new root and its key, PEM. The year and a few letters tell roots apart: issuers are found by name. */
export async function newRoot(now: number): Promise<{ pem: string; keyPem: string }> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const serialNumber = newSerial();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber,
    name: `CN=regnode gateway CA ${new Date(now).getUTCFullYear()}-${serialNumber.slice(2, 8)}`,
    notBefore: new Date(now - backdateMs),
    notAfter: new Date(now + authorityLifetimeMs),
    keys,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const exported = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    pem: `${certificate.toString('pem')}\n`,
    keyPem: PemConverter.encode(exported, 'PRIVATE KEY'),
  };
}

export const encodeFields = (fields: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  );

export const decodeFields = (secret: Secret): Record<string, string> =>
  Object.fromEntries(
    Object.entries(secret.data ?? {}).map(([name, text]) => [
      name,
      Buffer.from(text, 'base64').toString('utf8'),
    ]),
  );

/** 16 random bytes, positive and without a leading zero, so that every library prints it alike. */
export function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
