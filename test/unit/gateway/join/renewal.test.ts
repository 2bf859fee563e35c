// Renewal against a Kubernetes in memory and a clock that is set by hand: nobody is locked out by a crash, an
// expired certificate is good for its renewal alone, and only within the grace.
import { beforeEach, describe, expect, test } from 'vitest';
import { Authority } from '../../../../gateway/join/authority.ts';
import {
  identify,
  identifyForRenewal,
  type PeerCertificate,
} from '../../../../gateway/join/client-certificate.ts';
import { renewCertificate, retireBefore } from '../../../../gateway/join/renewal.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { X509Certificate } from '../../../../protocol/messages/x509.ts';
import { applicant } from '../applicant.ts';
import { type MemoryKubernetes, memoryKubernetes } from '../memory-kubernetes.ts';
import { keySha256Of, register } from '../registration.ts';

const dayMs = 24 * 3600_000;
const node = { name: 'idc-1', pool: 'idc' };
let now: number;
let kubernetes: MemoryKubernetes;
let authority: Authority;
let csrPem: string;
let first: { certificatePem: string; serial: string; expiresAtMs: number };

beforeEach(async () => {
  now = Date.parse('2026-01-01T00:00:00Z');
  kubernetes = memoryKubernetes();
  authority = await Authority.open(kubernetes, () => now);
  csrPem = (await applicant('idc-1')).request('').csrPem;
  first = await register(kubernetes, authority, node, csrPem);
});

const serials = () => kubernetes.stored(registeredNodes)[0]?.status?.certificateSerials;
const renew = (serial: string) => renewCertificate({ kubernetes, authority }, node, serial, csrPem);
const registrations = {
  get: () => kubernetes.stored(registeredNodes)[0],
  refresh: async () => kubernetes.stored(registeredNodes)[0],
};
/** As node:tls shows the certificate at the time. */
const presented = (certificate: { certificatePem: string; serial: string; expiresAtMs: number }) => ({
  ...(certificate.expiresAtMs > now
    ? { authorized: true }
    : { authorized: false, authorizationError: 'CERT_HAS_EXPIRED' }),
  commonName: 'idc-1',
  uris: ['regnode://pool/idc/node/idc-1'],
  serial: certificate.serial,
  expiresAtMs: certificate.expiresAtMs,
  der: new Uint8Array(new X509Certificate(certificate.certificatePem).rawData),
});
const forRenewal = (certificate: PeerCertificate) =>
  identifyForRenewal(certificate, registrations, now, {
    isOurs: (der) => authority.hasSigned(der),
    graceMs: () => 90 * dayMs,
  });

describe('which certificates are good', () => {
  test('both, until the new one is in use; then it alone', async () => {
    const second = await renew(first.serial);
    expect(serials()).toEqual([first.serial, second.serial]);
    expect(await retireBefore(kubernetes, 'idc-1', first.serial)).toBe('first');
    expect(serials()).toEqual([first.serial, second.serial]);
    expect(await retireBefore(kubernetes, 'idc-1', second.serial)).toBe('retired');
    expect(serials()).toEqual([second.serial]);
    await expect(renew(first.serial)).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' });
    expect(await retireBefore(kubernetes, 'idc-1', first.serial)).toBe('unlisted');
  });

  test('answers that were lost do not pile up', async () => {
    for (let round = 0; round < 20; round++) await renew(first.serial);
    expect(serials()).toHaveLength(2);
    expect(serials()?.[0]).toBe(first.serial);
  });

  test('a serial that was struck meanwhile is not renewed', async () => {
    const strike = { status: { certificateSerials: [] } };
    await kubernetes.patch(registeredNodes, 'idc-1', strike, { subresource: 'status' });
    await expect(renew(first.serial)).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' });
    expect(serials()).toEqual([]);
  });

  test('a node that is gone', async () => {
    await kubernetes.patch(registeredNodes, 'idc-1', { metadata: { finalizers: null } });
    await kubernetes.remove(registeredNodes, 'idc-1');
    await expect(renew(first.serial)).rejects.toMatchObject({ code: 'NODE_NOT_REGISTERED' });
  });
});

describe('the request', () => {
  test('of another key is refused, though its certificate is good', async () => {
    const stranger = (await applicant('idc-1')).request('').csrPem;
    expect(await keySha256Of(stranger, 'idc-1')).not.toBe(await keySha256Of(csrPem, 'idc-1'));
    const asked = renewCertificate({ kubernetes, authority }, node, first.serial, stranger);
    await expect(asked).rejects.toMatchObject({ code: 'CSR_REFUSED' });
    expect(serials()).toEqual([first.serial]);
  });

  test("with another node's name is refused", async () => {
    const other = (await applicant('idc-2')).request('').csrPem;
    const asked = renewCertificate({ kubernetes, authority }, node, first.serial, other);
    await expect(asked).rejects.toMatchObject({ code: 'CSR_REFUSED' });
  });
});

describe('off for a while', () => {
  test('90 days after the join it has expired: refused for everything, let in for the renewal', async () => {
    now += 90 * dayMs;
    await expect(identify(presented(first), registrations, now)).rejects.toMatchObject({
      code: 'CERTIFICATE_REFUSED',
    });
    await expect(forRenewal(presented(first))).resolves.toEqual(node);
    const second = { ...(await renew(first.serial)), expiresAtMs: now + 90 * dayMs };
    await expect(identify(presented(second), registrations, now)).resolves.toEqual(node);
  });

  test.each([
    ['a minute before the end of the grace', 180 * dayMs - 60_000, true],
    ['at the end of the grace', 180 * dayMs, false],
  ])('%s', async (_name, laterMs, good) => {
    now += laterMs;
    const answer = forRenewal(presented(first));
    if (good) await expect(answer).resolves.toEqual(node);
    else
      await expect(answer).rejects.toMatchObject({ values: { detail: expect.stringContaining('too long') } });
  });

  test.each([
    ['of another CA', { authorizationError: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }],
    ['whose serial was struck', { serial: 'AB' }],
    ['of another pool', { uris: ['regnode://pool/other/node/idc-1'] }],
    ['of a node that is not registered with it', { commonName: 'idc-2' }],
  ])('an expired one %s is refused', async (_name, change) => {
    now += 91 * dayMs;
    await expect(forRenewal({ ...presented(first), ...change })).rejects.toMatchObject({
      code: 'CERTIFICATE_REFUSED',
    });
  });

  test('an expired one that says it is ours, and is not, is refused by its signature', async () => {
    const stranger = await Authority.open(memoryKubernetes(), () => now);
    const forged = await register(memoryKubernetes(), stranger, node, csrPem);
    now += 91 * dayMs;
    const claimed = { ...presented(forged), serial: first.serial };
    await expect(forRenewal(claimed)).rejects.toMatchObject({ code: 'CERTIFICATE_REFUSED' });
  });
});
