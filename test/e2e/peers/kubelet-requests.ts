// A kubelet played by the requests that it sends: certificate requests with what names it likes, and
// kubectl with its credentials.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
} from '../../../protocol/messages/x509.ts';
import type { CommandResult } from '../../../scripts/machine/command.ts';
import { kubectl } from '../../../scripts/sandbox/registration.ts';
import type { Sandbox } from '../../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../../scripts/sandbox/wait.ts';

const client = {
  signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
  usages: ['digital signature', 'key encipherment', 'client auth'],
};
const serving = {
  signerName: 'kubernetes.io/kubelet-serving',
  usages: ['digital signature', 'key encipherment', 'server auth'],
};

export type RequestedNames = readonly { readonly type: 'dns' | 'ip'; readonly value: string }[];

export interface KubeletRequest {
  readonly manifest: string;
  readonly keyPem: string;
}

/** For a client certificate; with names for a serving one. */
export async function certificateRequest(
  name: string,
  node: string,
  names?: RequestedNames,
): Promise<KubeletRequest> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: `O=system:nodes, CN=system:node:${node}`,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: names ? [new SubjectAlternativeNameExtension([...names])] : [],
  });
  const request = Buffer.from(csr.toString('pem')).toString('base64');
  const object = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { request, ...(names ? serving : client) },
  };
  const exported = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { manifest: JSON.stringify(object), keyPem: PemConverter.encode(exported, 'PRIVATE KEY') };
}

/** kubectl with these credentials instead of the administrator's; a failure is a result. */
export async function kubectlAs(
  { cloud }: Sandbox,
  name: string,
  user: object,
  args: readonly string[],
  input: string,
): Promise<CommandResult> {
  const file = join(cloud.files.folder, `${name}.conf`);
  const cluster = {
    server: cloud.apiServerUrl,
    'certificate-authority': join(cloud.files.pki, 'ca.crt'),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  const environment = { HOME: cloud.files.folder };
  const command = join(cloud.kubernetes, 'kubectl');
  return cloud.run(command, ['--kubeconfig', file, ...args], { input, environment });
}

/** `Approved …` or `Denied …`, with the message. */
export function decisionOn(sandbox: Sandbox, name: string): Promise<string> {
  const path = '{.status.conditions[0].type} {.status.conditions[0].message}';
  const asked = async () =>
    (await kubectl(sandbox, ['get', 'csr', name, '-o', `jsonpath=${path}`])).trim() || undefined;
  return waitFor(`a decision on ${name}`, asked, { timeoutMs: 30_000, intervalMs: 200 });
}

/** The certificate in base64, once it is signed. */
export function signedCertificate(sandbox: Sandbox, name: string): Promise<string> {
  const asked = async () =>
    (await kubectl(sandbox, ['get', 'csr', name, '-o', 'jsonpath={.status.certificate}'])) || undefined;
  return waitFor(`the certificate ${name}`, asked, { timeoutMs: 30_000, intervalMs: 200 });
}
