// The gateway's own CA, ECDSA P-256. It signs three things only: the gateway's serving certificate, what its
// replicas show each other, and node certificates. Its roots are kept by roots.ts. While a rotation is under
// way (rotation.ts) two roots are trusted: nodes get certificates of the new one, but the gateway itself
// still shows one of the old, which is the one that every host knows.
import { createHash, type webcrypto, X509Certificate } from 'node:crypto';
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
  X509CertificateGenerator,
} from '../../protocol/messages/x509.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import {
  backdateMs,
  keyAlgorithm,
  newSerial,
  type Root,
  type Roots,
  readOrCreateRoots,
  signingAlgorithm,
} from './roots.ts';

const dayMs = 24 * 3600_000;
const servingLifetimeMs = 90 * dayMs;
export const nodeLifetimeMs = 90 * dayMs;

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
  #roots: Roots;

  private constructor(kubernetes: Kubernetes, now: () => number, lifetimes: Lifetimes, roots: Roots) {
    this.#kubernetes = kubernetes;
    this.#now = now;
    this.#lifetimes = lifetimes;
    this.#roots = roots;
  }

  /** Reads the CA, or makes it when there is none. */
  static async open(
    kubernetes: Kubernetes,
    now: () => number = Date.now,
    lifetimes: Lifetimes = { nodeMs: nodeLifetimeMs },
  ): Promise<Authority> {
    return new Authority(kubernetes, now, lifetimes, await readOrCreateRoots(kubernetes, now));
  }

  /**
   * What hosts trust: the root that signs node certificates first, then, during a
   * rotation, the one before it.
   */
  get caPem(): string {
    return this.#roots.map(({ pem }) => pem).join('');
  }

  /** Of exactly the bytes that /cacert serves; the join command carries it. */
  get caSha256(): string {
    return createHash('sha256').update(this.caPem).digest('hex');
  }

  /** A secret that all replicas share, for one purpose. */
  derive(purpose: string): Uint8Array {
    return this.#roots[0].derive(purpose);
  }

  /**
   * Reads the CA again; true when what hosts are to trust has changed, by a rotation or by the end of one.
   */
  async refresh(): Promise<boolean> {
    const before = this.caPem;
    this.#roots = await readOrCreateRoots(this.#kubernetes, this.#now);
    return this.caPem !== before;
  }

  /** Whether a trusted root has signed this certificate (DER), whatever its dates say. */
  hasSigned(der: Uint8Array): boolean {
    const certificate = new X509Certificate(der);
    return this.#roots.some(({ pem }) => {
      const root = new X509Certificate(pem);
      return certificate.checkIssued(root) && certificate.verify(root.publicKey);
    });
  }

  /** The gateway's own certificate for the host of its public URL, with a fresh key. */
  async issueServing(host: string): Promise<IssuedCertificate & { keyPem: string }> {
    const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
    const issued = await this.#issue(this.#roots.at(-1) ?? this.#roots[0], {
      subject: [{ CN: ['regnode-gateway'] }],
      publicKey: keys.publicKey,
      lifetimeMs: servingLifetimeMs,
      usages: [ExtendedKeyUsage.serverAuth],
      names: [isIP(host) ? { type: 'ip', value: host } : { type: 'dns', value: host }],
    });
    return { ...issued, keyPem: await privatePem(keys) };
  }

  /**
   * What replicas of the gateway show each other, as server and as client; no node and no host ever sees it.
   */
  async issueReplica(name: string): Promise<IssuedCertificate & { keyPem: string }> {
    const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
    // Of the root that every replica knows, also one that has not heard of a rotation yet.
    const issued = await this.#issue(this.#roots.at(-1) ?? this.#roots[0], {
      subject: [{ O: ['regnode:replicas'] }, { CN: [name] }],
      publicKey: keys.publicKey,
      lifetimeMs: servingLifetimeMs,
      usages: [ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth],
      names: [{ type: 'url', value: replicaUri(name) }],
    });
    return { ...issued, keyPem: await privatePem(keys) };
  }

  /** A node's client certificate: CN is the node, the URI names its pool too. */
  issueNode(node: {
    name: string;
    pool: string;
    publicKey: webcrypto.CryptoKey;
  }): Promise<IssuedCertificate> {
    return this.#issue(this.#roots[0], {
      subject: [{ O: ['regnode:nodes'] }, { CN: [node.name] }],
      publicKey: node.publicKey,
      lifetimeMs: this.#lifetimes.nodeMs,
      usages: [ExtendedKeyUsage.clientAuth],
      names: [{ type: 'url', value: nodeUri(node) }],
    });
  }

  async #issue(
    root: Root,
    contents: {
      subject: ConstructorParameters<typeof Name>[0];
      publicKey: webcrypto.CryptoKey;
      lifetimeMs: number;
      usages: ExtendedKeyUsage[];
      names: ConstructorParameters<typeof SubjectAlternativeNameExtension>[0];
    },
  ): Promise<IssuedCertificate> {
    const now = this.#now();
    // Whole seconds, as a certificate can hold; never beyond the CA itself.
    const expiresAtMs = Math.min(now + contents.lifetimeMs, root.certificate.notAfter.getTime());
    const extensions: Extension[] = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(contents.usages),
      new SubjectAlternativeNameExtension(contents.names),
      await AuthorityKeyIdentifierExtension.create(root.certificate.publicKey),
    ];
    const certificate = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: new Name(contents.subject).toString(),
      issuer: root.certificate.subject,
      notBefore: new Date(now - Math.min(backdateMs, contents.lifetimeMs / 10)),
      notAfter: new Date(expiresAtMs),
      publicKey: contents.publicKey,
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

function replicaUri(name: string): string {
  return `regnode://replica/${name}`;
}

async function privatePem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  return PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
}

export function nodeUri(node: { name: string; pool: string }): string {
  return `regnode://pool/${node.pool}/node/${node.name}`;
}
