// The gateway's own CA: ECDSA P-256, in Secret regnode-system/regnode-ca. The first replica that creates the
// Secret wins, every other one reads it. `ca.crt` is a bundle: during a rotation it holds the old root too, while
// `tls.crt`/`tls.key` sign. It signs two things only: the gateway's serving certificate and node certificates.
import { createHash, type webcrypto } from 'node:crypto';
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

export class Authority {
  /** What hosts trust: one or, during a rotation, several roots. */
  readonly caPem: string;
  /** Of exactly the bytes that /cacert serves; the join command carries it. */
  readonly caSha256: string;
  readonly #certificate: X509Certificate;
  readonly #key: webcrypto.CryptoKey;
  readonly #now: () => number;

  private constructor(
    caPem: string,
    certificate: X509Certificate,
    key: webcrypto.CryptoKey,
    now: () => number,
  ) {
    this.caPem = caPem;
    this.caSha256 = createHash('sha256').update(caPem).digest('hex');
    this.#certificate = certificate;
    this.#key = key;
    this.#now = now;
  }

  /** Reads the CA, or makes it when there is none. */
  static async open(kubernetes: Kubernetes, now: () => number = Date.now): Promise<Authority> {
    const stored = await kubernetes.get(secrets, authoritySecret, gatewayNamespace);
    if (stored) return Authority.#read(stored, now);
    try {
      return await Authority.#read(await kubernetes.create(secrets, await newAuthority(now())), now);
    } catch (error) {
      if (!isFailure(error, 'AlreadyExists')) throw error;
      const winner = await kubernetes.get(secrets, authoritySecret, gatewayNamespace);
      if (!winner) throw error;
      return Authority.#read(winner, now);
    }
  }

  static async #read(stored: Secret, now: () => number): Promise<Authority> {
    const field = (name: string) => Buffer.from(stored.data?.[name] ?? '', 'base64').toString('utf8');
    const key = await crypto.subtle.importKey(
      'pkcs8',
      PemConverter.decodeFirst(field('tls.key')),
      keyAlgorithm,
      false,
      ['sign'],
    );
    return new Authority(field('ca.crt'), new X509Certificate(field('tls.crt')), key, now);
  }

  /** The gateway's own certificate for the host of its public URL, with a fresh key. */
  async issueServing(host: string): Promise<IssuedCertificate & { keyPem: string }> {
    const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
    const issued = await this.#issue({
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
    return this.#issue({
      subject: [{ O: ['regnode:nodes'] }, { CN: [node.name] }],
      publicKey: node.publicKey,
      lifetimeMs: nodeLifetimeMs,
      usage: ExtendedKeyUsage.clientAuth,
      names: [{ type: 'url', value: nodeUri(node) }],
    });
  }

  async #issue(wish: {
    subject: ConstructorParameters<typeof Name>[0];
    publicKey: webcrypto.CryptoKey;
    lifetimeMs: number;
    usage: string;
    names: ConstructorParameters<typeof SubjectAlternativeNameExtension>[0];
  }): Promise<IssuedCertificate> {
    const now = this.#now();
    // Whole seconds, as a certificate can hold; never beyond the CA itself.
    const expiresAtMs = Math.min(now + wish.lifetimeMs, this.#certificate.notAfter.getTime());
    const extensions: Extension[] = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([wish.usage]),
      new SubjectAlternativeNameExtension(wish.names),
      await AuthorityKeyIdentifierExtension.create(this.#certificate.publicKey),
    ];
    const certificate = await X509CertificateGenerator.create({
      serialNumber: newSerial(),
      subject: new Name(wish.subject).toString(),
      issuer: this.#certificate.subject,
      notBefore: new Date(now - backdateMs),
      notAfter: new Date(expiresAtMs),
      publicKey: wish.publicKey,
      signingKey: this.#key,
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

export function nodeUri(node: { name: string; pool: string }): string {
  return `regnode://pool/${node.pool}/node/${node.name}`;
}

async function newAuthority(now: number): Promise<Secret> {
  const keys = await crypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: 'CN=regnode gateway CA',
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
  const pem = `${certificate.toString('pem')}\n`;
  const exported = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return {
    metadata: { name: authoritySecret, namespace: gatewayNamespace },
    type: 'kubernetes.io/tls',
    data: {
      'ca.crt': base64(pem),
      'tls.crt': base64(pem),
      'tls.key': base64(PemConverter.encode(exported, 'PRIVATE KEY')),
    },
  };
}

/** 16 random bytes, positive and without a leading zero, so that every library prints it alike. */
function newSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}
