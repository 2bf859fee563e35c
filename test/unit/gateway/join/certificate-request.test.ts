// A host's certificate request: everything that is wrong with one.
import { describe, expect, test } from 'vitest';
import { checkCertificateRequest } from '../../../../gateway/join/certificate-request.ts';
import {
  Pkcs10CertificateRequest,
  Pkcs10CertificateRequestGenerator,
} from '../../../../protocol/messages/x509.ts';

const p256 = { name: 'ECDSA', namedCurve: 'P-256' };
const rsa = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};

async function pem(
  name: string,
  algorithm: object = p256,
  signing: object = { name: 'ECDSA', hash: 'SHA-256' },
) {
  const keys = (await crypto.subtle.generateKey(algorithm as never, true, ['sign', 'verify'])) as never;
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: signing as never,
  });
  return csr.toString('pem');
}

test('a good one gives the key and its hash', async () => {
  const checked = await checkCertificateRequest(await pem('CN=idc-1'), 'idc-1');
  expect(checked.keySha256).toMatch(/^[0-9a-f]{64}$/);
  expect(checked.publicKey.algorithm).toMatchObject(p256);
});

describe('refused', () => {
  const refused = (text: string, name = 'idc-1') =>
    expect(checkCertificateRequest(text, name)).rejects.toMatchObject({ code: 'CSR_REFUSED' });

  test.each([
    ['nothing', ''],
    ['garbage', 'garbage'],
    ['a PEM of garbage', '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n'],
    ['another kind of PEM', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'],
  ])('%s', async (_name, text) => refused(text));

  test('another name', async () => refused(await pem('CN=idc-2')));
  test('two names', async () => refused(await pem('CN=idc-1, CN=idc-2')));
  test('no name', async () => refused(await pem('O=regnode:nodes')));
  test('a P-384 key', async () =>
    refused(await pem('CN=idc-1', { ...p256, namedCurve: 'P-384' }, { name: 'ECDSA', hash: 'SHA-384' })));
  test('an RSA key', async () => refused(await pem('CN=idc-1', rsa, rsa)));

  test('a signature by another key: the asker does not hold this one', async () => {
    const raw = new Uint8Array(new Pkcs10CertificateRequest(await pem('CN=idc-1')).rawData);
    const last = raw.length - 1;
    raw[last] = (raw[last] ?? 0) ^ 1;
    await refused(new Pkcs10CertificateRequest(raw).toString('pem'));
  });
});
