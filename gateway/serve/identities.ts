// Who connects to the public port: nodes by their certificates against their registrations. A refusal is
// counted, and audited once a while for each address; a certificate that is struck from the registration
// closes the tunnel that it opened.
import type { Logger } from 'pino';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import type { BucketLimits } from '../../protocol/rate/token-bucket.ts';
import type { Audit } from '../audit/audit.ts';
import type { Counters } from '../audit/counters.ts';
import type { Authority } from '../join/authority.ts';
import { identify, identifyForRenewal, registrationsOf } from '../join/client-certificate.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { TunnelCertificates } from '../nodes/tunnel-certificates.ts';
import { limits } from '../port/limits.ts';
import type { PublicPortOptions } from '../port/public-port.ts';
import type { RouteTable } from '../port/route.ts';
import { network } from '../resources/address.ts';
import { type PoolObject, poolSpec } from '../resources/node-pool.ts';
import type { TunnelHub } from '../tunnel/hub.ts';
import type { ClusterView } from './cluster-view.ts';

export interface IdentitiesOptions {
  readonly kubernetes: Kubernetes;
  readonly authority: Authority;
  readonly view: ClusterView;
  readonly hub: TunnelHub;
  readonly audit: Audit;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly now: () => number;
}

type Identities = Pick<RouteTable, 'identify' | 'identifyForRenewal' | 'onTunnel' | 'onRefused'> &
  Required<Pick<PublicPortOptions, 'recognize' | 'isKnownAddress'>>;

export function openIdentities(options: IdentitiesOptions): Identities {
  const { kubernetes, authority, view, hub, audit, counters, logger, now } = options;
  const filter = (total: BucketLimits) =>
    new RepeatFilter({
      intervalMs: limits.repeatedAuditMs,
      remembered: limits.rememberedAddresses,
      total,
    });
  const repeats = filter(limits.refusalsTold);
  const repeatsOfOurs = filter(limits.refusalsToldOfCertificates);
  const tunnelCertificates = new TunnelCertificates({
    kubernetes,
    logger,
    registered: (name) => view.registered.get(name),
    close: (name, reason) => hub.close(name, reason),
  });
  view.registered.onChange((change) => tunnelCertificates.changed(change));
  const registrations = registrationsOf(kubernetes, (name) => view.registered.get(name), now);
  const cached = { get: registrations.get, refresh: async () => undefined };
  return {
    recognize: (peer) =>
      identify(peer, cached, now()).then(
        ({ name }) => name,
        () => undefined,
      ),
    isKnownAddress: knownAddresses(view, now),
    identify: (peer) => identify(peer, registrations, now()),
    identifyForRenewal: (peer) =>
      identifyForRenewal(peer, registrations, now(), {
        isOurs: (der) => authority.hasSigned(der),
        graceMs: (pool) => graceMs(view.pools.get(pool)),
      }),
    onTunnel: (request, socket, head, node, { serial }) => {
      hub.handleUpgrade(request, socket, head, node, tunnelCertificates.shown(node.name, serial));
    },
    onRefused: (fault, address, path, isOurs) => {
      if (fault.code !== 'CERTIFICATE_REFUSED' && fault.code !== 'NODE_NOT_REGISTERED') return;
      counters.refusedCertificates.inc({ code: fault.code });
      const news = (isOurs ? repeatsOfOurs : repeats).news(`${network(address)} ${fault.message}`, now());
      if (news)
        audit.record({ event: 'certificate', outcome: 'refused', address, path, ...fault.toWire(), ...news });
    },
  };
}

function graceMs(pool: PoolObject | undefined): number {
  return pool ? poolSpec(pool).certificateGraceDays * 24 * 3600_000 : 0;
}

/**
 * Of all registrations, as of a few seconds ago: it is asked for each connection, and
 * only when the port is full.
 */
function knownAddresses(view: ClusterView, now: () => number): (address: string) => boolean {
  let [known, atMs] = [new Set<string>(), 0];
  return (address) => {
    if (now() - atMs > 5_000) {
      const addresses = [...view.registered.values()].flatMap(({ spec }) => spec.addresses ?? []);
      [known, atMs] = [new Set(addresses.map(network)), now()];
    }
    return known.has(address);
  };
}
