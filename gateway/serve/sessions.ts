// Nodes' tunnels and what comes through them, before anybody can connect: live copies of the cluster's
// objects (not read yet), the hub, what is known of each tunnel, the telemetry intake.
import type { ApiServerAccess } from '../../protocol/messages/desired.ts';
import { judgeMachine } from '../join/readmission.ts';
import { Tunnels } from '../nodes/tunnels.ts';
import type { PoolObject } from '../resources/node-pool.ts';
import type { TelemetryIntake } from '../telemetry/intake.ts';
import { auditRefusals } from '../telemetry/refusal-audit.ts';
import { apiServerWay } from '../tunnel/api-server.ts';
import { TunnelHub } from '../tunnel/hub.ts';
import type { AskElsewhere } from '../tunnel/inquiry.ts';
import { type ClusterView, createClusterView } from './cluster-view.ts';
import type { Given } from './given.ts';
import type { Ground } from './ground.ts';
import type { Records } from './records.ts';
import { openTelemetry } from './telemetry.ts';

export interface Sessions {
  readonly view: ClusterView;
  readonly hub: TunnelHub;
  /** Set when the other replicas are known. */
  readonly elsewhere: { ask: AskElsewhere | undefined };
  readonly tunnels: Tunnels;
  readonly intake: TelemetryIntake;
  /** The roots that a node is to trust; each new session hears them, too. */
  readonly tellRoots: (node: string) => void;
}

export async function openSessions(parts: Given & Ground & Records): Promise<Sessions> {
  const { options, kubernetes, apiServerUrl, logger, now, life } = parts;
  const { authority, counters, audit, auditStream } = parts;
  const view = createClusterView(kubernetes, logger, counters);
  const elsewhere: Sessions['elsewhere'] = { ask: undefined };
  const hub = new TunnelHub({
    logger,
    name: options.name,
    judgeMachine: (node, machine) => judgeMachine(view.registered.get(node), machine, now()),
    askElsewhere: (claimant) => elsewhere.ask?.(claimant),
    onRefusal: (record) => audit.record({ event: 'tunnel', outcome: 'refused', ...record }),
    onOffer: apiServerWay({
      apiServerUrl,
      isAllowed: ({ pool }) => accessOf(view.pools.get(pool)) === 'tunnel',
      audit: auditStream,
      auditSum: (sum) => audit.record({ event: 'streams', ...sum }),
    }),
  });
  const tunnels = new Tunnels(now, (name) => hub.hurried(name));
  hub.onSession((node, session) => tunnels.opened(node, session, hub.host(node)));
  const tellRoots = (node: string) => {
    tunnels.send(node, { kind: 'authority', caPem: authority.caPem });
  };
  hub.onSession((node) => tellRoots(node));
  const telemetry = await openTelemetry({
    ...{ options, view, hub, registry: counters.registry, logger },
    onRefusal: auditRefusals(audit, now),
  });
  life.defer(() => telemetry.stop());
  return { view, hub, elsewhere, tunnels, intake: telemetry.intake, tellRoots };
}

/** Until the last kubelet of a pool has another way, this one stays. */
function accessOf(pool: PoolObject | undefined): ApiServerAccess {
  const { spec, status } = pool ?? {};
  return status?.rollout?.apiServerAccess ?? spec?.apiServerAccess ?? 'direct';
}
