// Rotation of the CA by a clock that is set by hand: two roots for a while, one before and one after.
import { createHash, X509Certificate } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { Authority } from '../../../../gateway/join/authority.ts';
import { endRotation, rotateAuthority } from '../../../../gateway/join/rotation.ts';
import { secrets } from '../../../../gateway/kubernetes/kinds.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';

const dayMs = 24 * 3600_000;
let now: number;
let kubernetes: MemoryKubernetes;
let running: Authority;
let oldRoot: string;
const clock = () => now;

beforeEach(async () => {
  now = Date.parse('2026-01-01T00:00:00Z');
  kubernetes = memoryKubernetes();
  running = await Authority.open(kubernetes, clock);
  oldRoot = running.caPem;
});

const nodeCertificate = async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const { publicKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return new X509Certificate(
    (await running.issueNode({ name: 'idc-1', pool: 'idc', publicKey })).certificatePem,
  );
};
const servingCertificate = async () =>
  new X509Certificate((await running.issueServing('10.77.0.1')).certificatePem);
const isFrom = (certificate: X509Certificate, rootPem: string) =>
  certificate.verify(new X509Certificate(rootPem).publicKey);

test('both roots are trusted until the date; nodes are signed by the new one, the gateway still shows the old', async () => {
  const before = await nodeCertificate();
  const { caSha256, previousTrustedUntil } = await rotateAuthority(kubernetes, 90 * dayMs, clock);
  expect(previousTrustedUntil).toBe('2026-04-01T00:00:00.000Z');
  expect(await running.refresh()).toBe(true);
  expect(await running.refresh()).toBe(false);
  expect(running.caSha256).toBe(caSha256);
  expect(running.caPem.endsWith(oldRoot)).toBe(true);
  expect(createHash('sha256').update(running.caPem).digest('hex')).toBe(caSha256);
  expect(isFrom(await nodeCertificate(), running.caPem)).toBe(true);
  expect(isFrom(await nodeCertificate(), oldRoot)).toBe(false);
  expect(isFrom(await servingCertificate(), oldRoot)).toBe(true);
  expect(running.hasSigned(before.raw)).toBe(true);

  now += 90 * dayMs;
  expect(await running.refresh()).toBe(true);
  expect(running.caPem).not.toContain(oldRoot);
  expect(isFrom(await servingCertificate(), running.caPem)).toBe(true);
  expect(running.hasSigned(before.raw)).toBe(false);
});

test('a second rotation has to wait for the end of the first', async () => {
  await rotateAuthority(kubernetes, dayMs, clock);
  await expect(rotateAuthority(kubernetes, dayMs, clock)).rejects.toMatchObject({
    code: 'CA_ROTATION_UNDER_WAY',
    values: { until: '2026-01-02T00:00:00.000Z' },
  });
  now += dayMs;
  await rotateAuthority(kubernetes, dayMs, clock);
});

test('the old key is kept no longer than it is needed', async () => {
  const fields = () => Object.keys(kubernetes.stored(secrets)[0]?.data ?? {}).sort();
  expect(await endRotation(kubernetes, clock)).toBe(false);
  await rotateAuthority(kubernetes, dayMs, clock);
  expect(fields()).toContain('previous.key');
  expect(await endRotation(kubernetes, clock)).toBe(false);
  now += dayMs;
  expect(await endRotation(kubernetes, clock)).toBe(true);
  expect(fields()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
  expect(await running.refresh()).toBe(true);
});
