// Who is at the other end: decided by the certificate and the registration, never by
// anything that a peer writes.
import { describe, expect, test } from 'vitest';
import {
  identify,
  type PeerCertificate,
  registrationsOf,
} from '../../../../gateway/join/client-certificate.ts';
import { type RegisteredNode, registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const certificate: PeerCertificate = {
  authorized: true,
  commonName: 'idc-1',
  uris: ['regnode://pool/idc/node/idc-1'],
  serial: 'AB',
  expiresAtMs: now + 1,
  der: new Uint8Array(),
};
const registered: RegisteredNode = {
  metadata: { name: 'idc-1' },
  spec: { pool: 'idc', machineId: '', keySha256: '', addresses: [] },
  status: { certificateSerials: ['AB'] },
};
const registrations = (node: RegisteredNode | undefined) => ({ get: () => node, refresh: async () => node });

test('a certificate that the registration lists', async () => {
  await expect(identify(certificate, registrations(registered), now)).resolves.toEqual({
    name: 'idc-1',
    pool: 'idc',
  });
});

describe('refused', () => {
  const cases: [string, string, Partial<PeerCertificate>, Partial<RegisteredNode>?][] = [
    ['by another CA', 'CERTIFICATE_REFUSED', { authorized: false, authorizationError: 'SELF_SIGNED' }],
    ['expired', 'CERTIFICATE_REFUSED', { expiresAtMs: now }],
    ['with a date that is none', 'CERTIFICATE_REFUSED', { expiresAtMs: Number.NaN }],
    ['with a serial that is not listed', 'CERTIFICATE_REFUSED', { serial: 'CD' }],
    ['of another pool', 'CERTIFICATE_REFUSED', { uris: ['regnode://pool/other/node/idc-1'] }],
    ['of another node by its URI', 'CERTIFICATE_REFUSED', { uris: ['regnode://pool/idc/node/idc-2'] }],
    ['without a URI', 'CERTIFICATE_REFUSED', { uris: [] }],
    ['of a node without serials', 'CERTIFICATE_REFUSED', {}, { status: {} }],
  ];
  test.each(cases)('one %s', async (_name, code, change, node) => {
    const found = registrations({ ...registered, ...node });
    await expect(identify({ ...certificate, ...change }, found, now)).rejects.toMatchObject({ code });
  });

  test('none at all', async () => {
    await expect(identify(undefined, registrations(registered), now)).rejects.toMatchObject({
      code: 'CERTIFICATE_REFUSED',
    });
  });

  test('a node that is gone', async () => {
    await expect(identify(certificate, registrations(undefined), now)).rejects.toMatchObject({
      code: 'NODE_NOT_REGISTERED',
    });
  });
});

test('a registration that the copy does not have yet is read once, however often it is asked', async () => {
  const kubernetes = memoryKubernetes();
  await kubernetes.create(registeredNodes, registered);
  await kubernetes.patch(registeredNodes, 'idc-1', { status: registered.status }, { subresource: 'status' });
  let reads = 0;
  kubernetes.before = () => {
    reads += 1;
  };
  let time = now;
  const live = registrationsOf(
    kubernetes,
    () => undefined,
    () => time,
  );
  await Promise.all([1, 2, 3].map(() => identify(certificate, live, now)));
  expect(reads).toBe(1);
  time += 1000;
  await kubernetes.patch(
    registeredNodes,
    'idc-1',
    { status: { certificateSerials: [] } },
    { subresource: 'status' },
  );
  reads = 0;
  await expect(identify(certificate, live, now)).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' });
  expect(reads).toBe(1);
});

test('an answer that was asked for a moment ago admits nobody: a node that was removed since is refused at once', async () => {
  const kubernetes = memoryKubernetes();
  const { status, ...created } = registered;
  await kubernetes.create(registeredNodes, created);
  await kubernetes.patch(registeredNodes, 'idc-1', { status }, { subresource: 'status' });
  const live = registrationsOf(
    kubernetes,
    () => undefined,
    () => now,
  );
  // With a certificate that is good no more it has the registration read, which lists the other one.
  await expect(identify({ ...certificate, serial: 'OLD' }, live, now)).rejects.toMatchObject({
    code: 'CERTIFICATE_REFUSED',
  });
  await kubernetes.remove(registeredNodes, 'idc-1');
  await expect(identify(certificate, live, now)).rejects.toMatchObject({ code: 'NODE_NOT_REGISTERED' });
  let reads = 0;
  kubernetes.before = () => {
    reads += 1;
  };
  for (let i = 0; i < 10; i++) await identify(certificate, live, now).catch(() => {});
  expect(reads).toBe(0);
});
