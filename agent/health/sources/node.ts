// What the daemon knows anyway: tunnel, certificate, and whether the kubelet says that it is healthy. Nothing
// is asked here; the daemon asks anyway, for heartbeats and renewal.
import type { SessionState } from '../../../protocol/messages/session.ts';
import type { RenewalStatus } from '../../identity/renewal.ts';
import type { HealthSource, Observation } from '../condition.ts';

const everyMs = 5_000;

export interface NodeParts {
  readonly tunnel: { readonly state: SessionState; readonly lastFault: string };
  readonly certificate: RenewalStatus;
  /** undefined until it was asked for the first time. */
  readonly isKubeletHealthy: boolean | undefined;
}

export function nodeSource(parts: () => NodeParts): HealthSource {
  return { name: 'node', everyMs, look: async () => observe(parts()) };
}

function observe({ tunnel, certificate, isKubeletHealthy }: NodeParts): readonly Observation[] {
  const isUp = tunnel.state === 'Open' || tunnel.state === 'Draining';
  const { fault, expiresAt } = certificate;
  return [
    { code: 'TUNNEL_DOWN', ...goodIf(isUp), values: { state: tunnel.state, detail: tunnel.lastFault } },
    { code: 'CERTIFICATE_NOT_RENEWED', ...goodIf(fault === ''), values: { detail: fault, expiresAt } },
    { code: 'KUBELET_UNHEALTHY', ...goodIf(isKubeletHealthy) },
  ];
}

function goodIf(isGood: boolean | undefined): Pick<Observation, 'state'> {
  if (isGood === undefined) return { state: 'unknown' };
  return { state: isGood ? 'good' : 'bad' };
}
