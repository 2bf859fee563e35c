// What is told of refusals at the public port: an IPv6 host has 2^64 addresses, and is one of those who try.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { AuditRecord } from '../../../../gateway/audit/audit.ts';
import { createCounters } from '../../../../gateway/audit/counters.ts';
import { Authority } from '../../../../gateway/join/authority.ts';
import { teller } from '../../../../gateway/port/connections.ts';
import { createClusterView } from '../../../../gateway/serve/cluster-view.ts';
import { openIdentities } from '../../../../gateway/serve/identities.ts';
import { TunnelHub } from '../../../../gateway/tunnel/hub.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';
import { logger } from '../port.ts';

const ofOneHost = Array.from({ length: 500 }, (_, index) => `2001:db8:1:2::${(index + 1).toString(16)}`);
const elsewhere = '2001:db8:1:3::1';

test('refused certificates from all addresses of a host: each is counted, one is audited', async () => {
  const kubernetes = memoryKubernetes();
  const counters = createCounters();
  const audited: AuditRecord[] = [];
  const { onRefused } = openIdentities({
    kubernetes,
    authority: await Authority.open(kubernetes),
    view: createClusterView(kubernetes, logger, counters),
    hub: new TunnelHub({ logger }),
    audit: { record: (record) => audited.push(record), reopen() {}, close() {} },
    counters,
    logger,
    now: () => 1000,
  });
  const fault = new Fault('CERTIFICATE_REFUSED', { detail: 'it is nobody’s' });
  for (const address of [...ofOneHost, elsewhere]) onRefused?.(fault, address, '/v1/tunnel', false);
  expect(audited.map(({ address }) => address)).toEqual([ofOneHost[0], elsewhere]);
  expect((await counters.refusedCertificates.get()).values[0]?.value).toBe(501);
});

test('refused certificates from a network of IPv6 networks: so many are audited, the rest is a number', async () => {
  const kubernetes = memoryKubernetes();
  const counters = createCounters();
  const audited: AuditRecord[] = [];
  let now = 1000;
  const { onRefused } = openIdentities({
    kubernetes,
    authority: await Authority.open(kubernetes),
    view: createClusterView(kubernetes, logger, counters),
    hub: new TunnelHub({ logger }),
    audit: { record: (record) => audited.push(record), reopen() {}, close() {} },
    counters,
    logger,
    now: () => now,
  });
  const fault = new Fault('CERTIFICATE_REFUSED', { detail: 'it is nobody’s' });
  const refuse = (from: number) => {
    for (let one = from; one < from + 20_000; one++)
      onRefused?.(fault, `2001:db8:${one.toString(16)}::1`, '/v1/tunnel', false);
  };
  refuse(1);
  expect(audited).toHaveLength(500);
  // A certificate of our CA is told all the same.
  onRefused?.(fault, '203.0.113.7', '/v1/tunnel', true);
  expect(audited.splice(500)).toMatchObject([{ address: '203.0.113.7' }]);
  now += 1000;
  refuse(20_001);
  expect(audited.slice(500)).toMatchObject([{ others: 19_500 }]);
});

test('connections that made room or found none: a line for each network and reason', () => {
  const lines: string[] = [];
  const counted: string[] = [];
  const tell = teller({
    count: (reason) => counted.push(reason),
    logger: pino({}, { write: (line: string) => void lines.push(line) }),
  });
  for (const address of [...ofOneHost, elsewhere]) tell('rate', address);
  expect(counted).toHaveLength(501);
  expect(lines).toHaveLength(2);
});
