// One kubelet's requests for certificates are decided at a pace, everybody else's at once.
import { expect, test } from 'vitest';
import { CertificatePace } from '../../../../gateway/nodes/certificate-pace.ts';
import { clientSigner, servingSigner } from '../../../../gateway/nodes/kubelet-certificates.ts';

const of = (username: string, signerName = servingSigner) => ({
  metadata: { name: 'csr-1' },
  spec: { username, signerName, request: '' },
});

test('requests without end: twenty, then one in ten seconds, and nobody else waits', () => {
  const pace = new CertificatePace();
  const hostile = of('system:node:idc-1');
  const waits = Array.from({ length: 100 }, () => pace.waitMs(hostile, 0));
  expect(waits.filter((ms) => ms === 0)).toHaveLength(20);
  expect(waits.at(-1)).toBe(10_000);
  expect(pace.waitMs(of('system:node:idc-1', clientSigner), 0)).toBe(10_000);
  expect(pace.waitMs(of('system:node:idc-2'), 0)).toBe(0);
  expect(pace.waitMs(hostile, 10_000)).toBe(0);
  expect(pace.waitMs(hostile, 10_000)).toBe(10_000);
});

test('what is signed by somebody else costs nothing', () => {
  const pace = new CertificatePace();
  for (let count = 0; count < 100; count += 1)
    expect(pace.waitMs(of('system:node:idc-1', 'example.com/other'), 0)).toBe(0);
});
