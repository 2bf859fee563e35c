// The gateway's own CA: ECDSA P-256, in Secret regnode-system/regnode-ca. The first replica that creates the
// Secret wins, every other one reads it. It signs two things only: the gateway's serving certificate and node
// certificates. While a rotation is under way (rotation.ts) two roots are trusted: nodes get certificates of the
// new one, but the gateway itself still shows one of the old, which is the one that every host knows.
import { createHash, X509Certificate as NodeX509Certificate, type webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '../../protocol/x509.ts';
import { gatewayNamespace } from '../kubernetes/access.ts';
import { type Secret, secrets } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';

export const authoritySecret = 'regnode-ca';
/** Fields of the Secret during a rotation: the root before, its key, and until when it is trusted. */
export const previousCertificate = 'previous.crt';
export const previousKey = 'previous.key';
export const previousUntil = 'previous-trusted-until';
const dayMs = 24 * 3600_000;
export const authorityLifetimeMs = 3650 * dayMs;
export const servingLifetimeMs = 90 * dayMs;
export const nodeLifetimeMs = 90 * dayMs;
/** Certificates begin a little in the past: hosts' clocks are not all right to the second. */
const backdateMs = 3600_000;

const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

export interface IssuedCertificate {
  readonly certificatePem: string;
  /** Upper-case hex without colons, as node:tls gives it for a peer. */
  readonly serial: string;
  readonly expiresAtMs: number;
}

export interface Lifetimes {
  readonly nodeMs: number;
}

export class Authority {
  readonly #kubernetes: Kubernetes;
  readonly #now: () => number;
  readonly #lifetimes: Lifetimes;
  #held: Held;

  private constructor(kubernetes: Kubernetes, now: () => number, lifetimes: Lifetimes, held: Held) {
    this.#kubernetes = kubernetes;
    this.#now = now;
    this.#lifetimes = lifetimes;
    this.#held = held;
  }

  /** Reads the CA, or makes it when there is none. */
  static async open(
    kubernetes: Kubernetes,
    now: () => number = Date.now,
    lifetimes: Lifetimes = { nodeMs: nodeLifetimeMs },
  ): Promise<Authority> {
    return new Authority(kubernetes, now, lifetimes, await readOrCreate(kubernetes, now));
  }

  /** What hosts trust: the root that signs node certificates first, then, during a rotation, the one before it. */
  get caPem(): string {
    return this.#held.roots.map(({ pem }) => pem).join('');
  }

  /** Of exactly the bytes that /cacert serves; the join command carries it. */
  get caSha256(): string {
    return createHash('sha256').update(this.caPem).digest('hex');
  }

  /** Reads the CA again; true when what hosts are to trust has changed, by a rotation or by the end of one. */
  async refresh(): Promise<boolean> {
    const before = this.caPem;
    this.#held = await readOrCreate(this.#kubernetes, this.#now);
    return this.caPem !== before;
  }

  /** Whether a trusted root has signed this certificate (DER), whatever its dates say. */
  hasSigned(der: Uint8Array): boolean {
    const certificate = new NodeX509Certificate(der);
    return this.#held.roots.some(({ pem }) => {
      const root = new NodeX509Certificate(pem);
      return certificate.checkIssued(root) && certificate.verify(root.publicKey);
    });
  }

  /** The gateway's own certificate for the host of its public URL, with a fresh key. */
  async issueServing(host: string): Promise<IssuedCertificate & { keyPem: string }> {
    const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
    const issued = await this.#issue(this.#held.roots.at(-1) ?? this.#held.roots[0], {
      subject: [{ CN: ['regnode-gateway'] }],
      publicKey: keys.publicKey,
      lifetimeMs: servingLifetimeMs,
      usage: ExtendedKeyUsage.serverAuth,
      names: [isIP(host) ? { type: 'ip', value: host } : { type: 'dns', value: host }],
    });
    const exported = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { ...issued, keyPem: PemConverter.encode(exported, 'PRIVATE KEY') };
  }

  /** A node's client certificate: CN is the node, the URI names its pool too. */
  issueNode(node: {
    name: string;
    pool: string;
    publicKey: webcrypto.CryptoKey;
  }): Promise<IssuedCertificate> {
    return this.#issue(this.#held.roots[0], {
      subject: [{ O: ['regnode:nodes'] }, { CN: [node.name] }],
      publicKey: node.publicKey,
      lifetimeMs: this.#lifetimes.nodeMs,
      usage: ExtendedKeyUsage.clientAuth,
      names: [{ type: 'url', value: nodeUri(node) }],
    });
  }

  async #issue(
    root: Root,
    wish: {
      subject: ConstructorParameters<typeof Name>[0];
      publicKey: webcrypto.CryptoKey;
      lifetimeMs: number;
      usage: string;
      names: ConstructorParameters<typeof SubjectAlternativeNameExtension>[0];
    },
  ): Promise<IssuedCertificate> {
    const now = this.#now();
    // Whole seconds, as a certificate can hold; never beyond the CA itself.
    const expiresAtMs = Math.min(now + wish.lifetimeMs, root.certificate.notAfter.getTime());
    const extensions: Extension[] = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([wish.usage]),
      new SubjectAlternativeNameExtension(wish.names),
      await AuthorityKeyIdentifierExtension.create(root.certificate.publicKey),
    ];
    const certificate = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: new Name(wish.subject).toString(),
      issuer: root.certificate.subject,
      notBefore: new Date(now - Math.min(backdateMs, wish.lifetimeMs / 10)),
      notAfter: new Date(expiresAtMs),
      publicKey: wish.publicKey,
      signingKey: root.key,
      signingAlgorithm,
      extensions,
    });
    return {
      certificatePem: `${certificate.toString('pem')}\n`,
      serial: certificate.serialNumber.toUpperCase(),
      expiresAtMs,
    };
  }
}

interface Root {
  readonly pem: string;
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

interface Held {
  readonly roots: readonly [Root, ...Root[]];
}

async function readOrCreate(kubernetes: Kubernetes, now: () => number): Promise<Held> {
  const stored = await kubernetes.get(secrets, authoritySecret, gatewayNamespace);
  if (stored) return read(stored, now());
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

async function read(stored: Secret, now: number): Promise<Held> {
  const fields = decodeFields(stored);
  const root = async (pem = '', keyPem = ''): Promise<Root> => ({
    pem,
    certificate: new X509Certificate(pem),
    key: await crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(keyPem), keyAlgorithm, false, [
      'sign',
    ]),
  });
  const current = await root(fields['tls.crt'], fields['tls.key']);
  if (!(Date.parse(fields[previousUntil] ?? '') > now)) return { roots: [current] };
  return { roots: [current, await root(fields[previousCertificate], fields[previousKey])] };
}

export function nodeUri(node: { name: string; pool: string }): string {
  return `regnode://pool/${node.pool}/node/${node.name}`;
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
function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
