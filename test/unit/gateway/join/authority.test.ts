// The gateway's CA: made once however many ask, and its certificates are what openssl and node:tls take.
import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { Authority, nodeLifetimeMs } from '../../../../gateway/join/authority.ts';
import { assertAuthority, createRoots } from '../../../../gateway/join/roots.ts';
import { secrets } from '../../../../gateway/kubernetes/kinds.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

const p256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const newKeys = () => crypto.subtle.generateKey(p256, true, ['sign', 'verify']);

test('three replicas at once share the CA of the first', async () => {
  const kubernetes = memoryKubernetes();
  const opened = await Promise.all([1, 2, 3].map(() => Authority.open(kubernetes)));
  expect(new Set(opened.map(({ caSha256 }) => caSha256)).size).toBe(1);
  expect(kubernetes.stored(secrets)).toHaveLength(1);
  expect((await Authority.open(kubernetes)).caPem).toBe(opened[0]?.caPem);
});

test.each([
  ['10.77.0.1', 'IP Address:10.77.0.1'],
  ['gateway.example.com', 'DNS:gateway.example.com'],
])('the serving certificate for %s', async (host, name) => {
  const authority = await Authority.open(memoryKubernetes());
  const { certificatePem, keyPem } = await authority.issueServing(host);
  const certificate = new X509Certificate(certificatePem);
  const ca = new X509Certificate(authority.caPem);
  expect(ca.ca).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.checkIssued(ca)).toBe(true);
  expect(certificate.verify(ca.publicKey)).toBe(true);
  expect(certificate.subjectAltName).toBe(name);
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(keyPem).toContain('BEGIN PRIVATE KEY');
});

test('a node certificate says node and pool, for client use only, and ends in 90 days', async () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const authority = await Authority.open(memoryKubernetes(), () => now);
  const { publicKey } = await newKeys();
  const issued = await authority.issueNode({ name: 'idc-1', pool: 'idc', publicKey });
  const certificate = new X509Certificate(issued.certificatePem);
  expect(certificate.subject).toBe('O=regnode:nodes\nCN=idc-1');
  expect(certificate.subjectAltName).toBe('URI:regnode://pool/idc/node/idc-1');
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(certificate.serialNumber).toBe(issued.serial);
  expect(Date.parse(certificate.validTo)).toBe(now + nodeLifetimeMs);
  expect(Date.parse(certificate.validFrom)).toBeLessThan(now);
});

test('no certificate outlives the CA', async () => {
  const kubernetes = memoryKubernetes();
  const now = Date.now();
  await Authority.open(kubernetes, () => now);
  const late = await Authority.open(kubernetes, () => now + 3640 * 24 * 3600_000);
  const { publicKey } = await newKeys();
  const issued = await late.issueNode({ name: 'idc-1', pool: 'idc', publicKey });
  expect(issued.expiresAtMs).toBeLessThanOrEqual(Date.parse(new X509Certificate(late.caPem).validTo));
});

test('no other CA is made where hosts trust one that is lost, until an operator says so', async () => {
  const kubernetes = memoryKubernetes();
  const lost = await Authority.open(kubernetes);
  const before = lost.caPem;
  const status = { joinedAt: '2026-01-01T00:00:00Z' };
  for (const [name, one] of Object.entries({ 'idc-1': status, claim: {} })) {
    const spec = { pool: 'idc', machineId: '', keySha256: '', addresses: [] };
    const created = await kubernetes.create(registeredNodes, { metadata: { name }, spec });
    await kubernetes.replace(registeredNodes, { ...created, status: one }, 'status');
  }
  await kubernetes.remove(secrets, 'regnode-ca', { namespace: 'regnode-system' });
  const values = { secret: 'regnode-system/regnode-ca', count: 1, names: 'idc-1' };
  await expect(Authority.open(kubernetes)).rejects.toMatchObject({ code: 'AUTHORITY_LOST', values });
  await expect(assertAuthority(kubernetes)).rejects.toMatchObject({ code: 'AUTHORITY_LOST' });
  // One that runs goes on with what it knows, and makes none either.
  await expect(lost.refresh()).rejects.toMatchObject({ code: 'AUTHORITY_LOST' });
  expect(lost.caPem).toBe(before);
  expect(kubernetes.stored(secrets)).toEqual([]);
  await createRoots(kubernetes, Date.now);
  await assertAuthority(kubernetes);
  expect((await Authority.open(kubernetes)).caPem).not.toBe(before);
});
