// The key and its request: what a gateway will check, checked here with the same library and with openssl.

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { createCertificateRequest, createKey } from '../../../../agent/identity/key.ts';
import * as x509 from '../../../../protocol/messages/x509.ts';

test('the request is signed by the key, names the node and carries its public key', async () => {
  const key = createKey();
  const request = new x509.Pkcs10CertificateRequest(await createCertificateRequest(key, 'idc-1'));
  expect(await request.verify()).toBe(true);
  expect(request.subject).toBe('CN=idc-1');
  expect(request.publicKey.algorithm).toMatchObject({ name: 'ECDSA', namedCurve: 'P-256' });
});

test('openssl reads the request too', async () => {
  const pem = await createCertificateRequest(createKey(), 'idc-1');
  const openssl = spawnSync('openssl', ['req', '-verify', '-noout', '-subject'], {
    input: pem,
    encoding: 'utf8',
  });
  expect(openssl.status).toBe(0);
  expect(openssl.stdout).toMatch(/CN ?= ?idc-1/);
});

test('two keys differ', () => {
  expect(createKey()).not.toBe(createKey());
});
