// A real public port on loopback, with a CA in memory and given routes: what the network side is tested on.
import { pino } from 'pino';
import { type Counters, createCounters } from '../../../gateway/audit/counters.ts';
import { Authority } from '../../../gateway/join/authority.ts';
import {
  identify,
  type NodeIdentity,
  type PeerCertificate,
} from '../../../gateway/join/client-certificate.ts';
import {
  openPublicPort,
  type PublicPort,
  type PublicPortOptions,
} from '../../../gateway/port/public-port.ts';
import type { Route } from '../../../gateway/port/route.ts';
import { memoryKubernetes } from './memory-kubernetes.ts';

export const logger = pino({ level: 'silent' });

export interface TestPort {
  readonly port: PublicPort;
  readonly authority: Authority;
  readonly counters: Counters;
  readonly url: string;
}

export async function openTestPort(
  routes: (authority: Authority) => readonly Route[],
  change: Partial<PublicPortOptions> = {},
): Promise<TestPort> {
  const authority = await Authority.open(memoryKubernetes());
  const { certificatePem, keyPem } = await authority.issueServing('127.0.0.1');
  const counters = createCounters();
  const port = await openPublicPort({
    listen: { host: '127.0.0.1', port: 0 },
    tls: { certificatePem, keyPem, caPem: authority.caPem },
    routes: routes(authority),
    tunnelPath: '/v1/tunnel',
    identify: unregistered,
    identifyForRenewal: unregistered,
    onTunnel: (_request, socket) => socket.destroy(),
    onRefused: () => {},
    counters,
    logger,
    ...change,
  });
  return { port, authority, counters, url: `https://127.0.0.1:${port.address.port}` };
}

function unregistered(certificate: PeerCertificate | undefined): Promise<NodeIdentity> {
  return identify(certificate, { get: () => undefined, refresh: async () => undefined }, Date.now());
}
