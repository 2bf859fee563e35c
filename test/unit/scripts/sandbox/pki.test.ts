// The sandbox's certificates, as Node's own TLS reads them.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPki, kubeconfigUsers } from '../../../../scripts/sandbox/pki.ts';

let folder: string;
const text = (name: string) => readFile(join(folder, name), 'utf8');
const certificate = async (name: string) => new X509Certificate(await text(`${name}.crt`));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'regnode-pki-'));
  await createPki(folder, 'https://10.77.0.1:6443');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(['apiserver', 'apiserver-kubelet-client', ...kubeconfigUsers])(
  '%s is signed and has its key',
  async (name) => {
    const authority = await certificate('ca');
    const own = await certificate(name);
    expect(own.checkIssued(authority)).toBe(true);
    expect(own.verify(authority.publicKey)).toBe(true);
    expect(own.checkPrivateKey(createPrivateKey(await text(`${name}.key`)))).toBe(true);
  },
);

test('the API server is known by the address on the line and by its service', async () => {
  const server = await certificate('apiserver');
  expect(server.checkIP('10.77.0.1')).toBe('10.77.0.1');
  expect(server.checkHost('kubernetes.default.svc')).toBe('kubernetes.default.svc');
  expect(server.checkIP('10.77.0.11')).toBeUndefined();
});

test('the gateway is not an administrator', async () => {
  expect((await certificate('regnode-gateway')).subject).toBe('CN=regnode-gateway');
  expect((await certificate('admin')).subject).toContain('O=system:masters');
});

test('keys and kubeconfigs are for root alone', async () => {
  for (const name of ['ca.key', 'sa.key', 'admin.key', 'admin.conf']) {
    expect((await stat(join(folder, name))).mode & 0o077, name).toBe(0);
  }
});
