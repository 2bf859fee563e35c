// What keeps the host as its pool wants it and the gateway's picture of the host as it
// is. Nothing of it runs yet.
import { artifactSource } from '../components/artifacts/source.ts';
import { readState } from '../state/state.ts';
import { createHealthProbe } from '../upgrade/health.ts';
import { FactsWatch } from './facts-watch.ts';
import type { Given } from './given.ts';
import type { Link } from './link.ts';
import { Presence } from './presence.ts';
import { Reconciler } from './reconciler.ts';
import type { Self } from './self.ts';

export interface Upkeep {
  readonly reconciler: Reconciler;
  readonly facts: FactsWatch;
  readonly presence: Presence;
}

export function prepareUpkeep(parts: Given & Self & Link): Upkeep {
  const { host, logger, signal, configuration, identity, course, gateway, tunnel } = parts;
  const { caPem } = identity;
  const { gatewayUrl } = configuration;
  const reconciler = new Reconciler({
    ...{ host, logger, signal, gateway },
    source: (settings, desired) => artifactSource(host, { gateway, caPem, settings, desired }),
    probe: createHealthProbe(host, gateway),
  });
  const facts = new FactsWatch({
    ...{ host, gatewayUrl, gateway, logger, signal },
    isConnected: () => tunnel.state === 'Open',
    onMoved: () => reconciler.wake(),
  });
  const presence = new Presence({
    ...{ host, logger, signal },
    isSteady: () => tunnel.state === 'Open' && reconciler.status.phase === 'Running' && course.leaving === '',
    isJoined: async () => (await readState(host))?.phase === 'Joined',
  });
  return { reconciler, facts, presence };
}
