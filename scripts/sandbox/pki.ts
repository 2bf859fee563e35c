// The certificates of a sandbox's cluster: one authority, and what each of its components and users needs.
// Everything is ECDSA P-256, made in a few milliseconds, valid for ten days.
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '../../protocol/messages/x509.ts';
import { cloudAddress } from './line.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const lifetimeMs = 10 * 24 * 60 * 60 * 1000;

interface Subject {
  readonly commonName: string;
  readonly organization?: string;
  /** For a server: its names; without them the certificate is a client's. */
  readonly names?: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[];
}

const subjects: Readonly<Record<string, Subject>> = {
  apiserver: {
    commonName: 'kube-apiserver',
    names: [
      ...[
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        'kubernetes.default.svc.cluster.local',
      ].map((value) => ({ type: 'dns' as const, value })),
      ...[cloudAddress, '127.0.0.1', '10.96.0.1'].map((value) => ({ type: 'ip' as const, value })),
    ],
  },
  'apiserver-kubelet-client': { commonName: 'kube-apiserver-kubelet-client', organization: 'system:masters' },
  admin: { commonName: 'kubernetes-admin', organization: 'system:masters' },
  'controller-manager': { commonName: 'system:kube-controller-manager' },
  scheduler: { commonName: 'system:kube-scheduler' },
  'kube-proxy': { commonName: 'system:kube-proxy' },
  'regnode-gateway': { commonName: 'regnode-gateway' },
};

/** Users with a kubeconfig of their own, `<name>.conf` in the folder. */
export const kubeconfigUsers = [
  'admin',
  'controller-manager',
  'scheduler',
  'kube-proxy',
  'regnode-gateway',
] as const;

/** Writes ca.crt, ca.key, sa.pub, sa.key, <name>.{crt,key} and <user>.conf. */
export async function createPki(folder: string, apiServerUrl: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const authorityKeys = await generateKeys();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...common('sandbox-ca'),
    keys: authorityKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  await save(folder, 'ca', authority.toString('pem'), await privatePem(authorityKeys));
  for (const [name, subject] of Object.entries(subjects)) {
    const keys = await generateKeys();
    const certificate = await sign(subject, keys, authority, authorityKeys);
    await save(folder, name, certificate.toString('pem'), await privatePem(keys));
  }
  const servicePem = await privatePem(await generateKeys());
  await writeFile(join(folder, 'sa.key'), servicePem, { mode: 0o600 });
  const servicePublic = createPublicKey(createPrivateKey(servicePem));
  await writeFile(join(folder, 'sa.pub'), servicePublic.export({ type: 'spki', format: 'pem' }));
  for (const user of kubeconfigUsers) await writeKubeconfig(folder, user, apiServerUrl);
}

async function sign(
  subject: Subject,
  keys: webcrypto.CryptoKeyPair,
  authority: x509.X509Certificate,
  authorityKeys: webcrypto.CryptoKeyPair,
): Promise<x509.X509Certificate> {
  const server = subject.names !== undefined;
  return x509.X509CertificateGenerator.create({
    ...common(subject.commonName, subject.organization),
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        server ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(authority),
      ...(subject.names === undefined ? [] : [new x509.SubjectAlternativeNameExtension([...subject.names])]),
    ],
  });
}

function common(commonName: string, organization?: string) {
  const name: x509.JsonName = [
    ...(organization === undefined ? [] : [{ O: [organization] }]),
    { CN: [commonName] },
  ];
  const now = Date.now();
  return {
    subject: new x509.Name(name).toString(),
    name: new x509.Name(name).toString(),
    // A host's clock may be a little behind.
    notBefore: new Date(now - 60 * 60 * 1000),
    notAfter: new Date(now + lifetimeMs),
    signingAlgorithm: algorithm,
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function privatePem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  // The form that every Kubernetes version reads.
  return key.export({ type: 'sec1', format: 'pem' }).toString();
}

async function save(folder: string, name: string, certificate: string, key: string): Promise<void> {
  await writeFile(join(folder, `${name}.crt`), `${certificate.trim()}\n`);
  await writeFile(join(folder, `${name}.key`), key, { mode: 0o600 });
}

async function writeKubeconfig(folder: string, user: string, server: string): Promise<void> {
  const encoded = async (name: string) => (await readFile(join(folder, name))).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'sandbox',
    contexts: [{ name: 'sandbox', context: { cluster: 'sandbox', user } }],
    clusters: [
      { name: 'sandbox', cluster: { server, 'certificate-authority-data': await encoded('ca.crt') } },
    ],
    users: [
      {
        name: user,
        user: {
          'client-certificate-data': await encoded(`${user}.crt`),
          'client-key-data': await encoded(`${user}.key`),
        },
      },
    ],
  };
  // JSON is YAML.
  await writeFile(join(folder, `${user}.conf`), `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
}
