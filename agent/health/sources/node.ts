// What the daemon knows anyway: tunnel, certificate, and how the cluster sees the
// node. Nothing is asked here.
import type { SessionState } from '../../../protocol/messages/session.ts';
import type { RenewalStatus } from '../../identity/renewal.ts';
import type { HealthSource, Observation } from '../condition.ts';

const everyMs = 2_000;

export interface NodeParts {
  readonly tunnel: {
    readonly state: SessionState;
    /** For how long, when nothing is answered and that is no pause any more. */
    readonly silentMs: number | undefined;
    readonly lastFault: string;
  };
  readonly certificate: RenewalStatus;
  /** NODE_ABSENT. */
  readonly presence: Observation;
}

export function nodeSource(parts: () => NodeParts): HealthSource {
  return { name: 'node', everyMs, look: async () => observe(parts()) };
}

function observe({ tunnel, certificate, presence }: NodeParts): readonly Observation[] {
  const { silentMs, lastFault: detail } = tunnel;
  const isSilent = silentMs !== undefined;
  const isUp = (tunnel.state === 'Open' || tunnel.state === 'Draining') && !isSilent;
  const lasted = isSilent ? { lastedMs: silentMs } : {};
  const state = isSilent ? `${tunnel.state}, silent` : tunnel.state;
  const { fault, expiresAt } = certificate;
  return [
    { code: 'TUNNEL_DOWN', ...goodIf(isUp), ...lasted, values: { state, detail } },
    { code: 'CERTIFICATE_NOT_RENEWED', ...goodIf(fault === ''), values: { detail: fault, expiresAt } },
    presence,
  ];
}

function goodIf(isGood: boolean): Pick<Observation, 'state'> {
  return { state: isGood ? 'good' : 'bad' };
}
