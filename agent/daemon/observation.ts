// What the daemon sees: collectors and heartbeats, the private line, the node's health. Collecting begins
// here; what it yields waits in the ring until the tunnel is open.
import { paths } from '../config/paths.ts';
import { HealthMonitor } from '../health/monitor.ts';
import type { Pods } from '../health/sources/pods.ts';
import { LineWatch } from '../line/watch.ts';
import type { ServiceHealth } from '../telemetry/heartbeat/heartbeat.ts';
import { probeServices } from '../telemetry/heartbeat/services.ts';
import { startTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import type { Given } from './given.ts';
import { healthSources } from './health-sources.ts';
import type { Link } from './link.ts';
import type { Self } from './self.ts';
import type { Upkeep } from './upkeep.ts';

export interface Observation {
  readonly telemetry: Telemetry;
  /** undefined before they were asked for the first time. */
  readonly services: () => ServiceHealth | undefined;
  readonly line: LineWatch;
  /** undefined while the container runtime was not asked. */
  readonly pods: () => Pods | undefined;
  readonly health: HealthMonitor;
}

export function observe(parts: Given & Self & Link & Upkeep): Observation {
  const { host, logger, signal, life } = parts;
  const { configuration, settings, remembered, course, tunnel, renewal, currentIdentity } = parts;
  const { reconciler, presence } = parts;
  const { gatewayUrl, nodeName, pool } = configuration;
  let services: ServiceHealth | undefined;
  let pods: Pods | undefined;
  const isOpen = () => tunnel.state === 'Open' || tunnel.state === 'Draining';
  const telemetry = startTelemetry({
    channel: tunnel.telemetry,
    intervals: course.desired.telemetry,
    heartbeatProbe: async () => {
      services = await probeServices(host);
      return services;
    },
    spool: { disk: host.openSpool(paths.spool) },
    ...{ settings, logger, signal },
  });
  life.defer(() => telemetry.stopped);
  const desired = () => course.desired;
  const line = new LineWatch({
    host,
    gatewayUrl,
    identity: currentIdentity,
    desired,
    environment: host.environment,
  });
  const health: HealthMonitor = new HealthMonitor({
    ...{ host, remembered, logger, signal },
    sources: healthSources({
      host,
      parts: () => ({
        tunnel: {
          state: tunnel.state,
          silentMs: tunnel.silentMs,
          lastFault: tunnel.status.lastFault?.message ?? '',
        },
        certificate: renewal.status,
        presence: presence.observation,
      }),
      context: () => ({ gatewayUrl, nodeName, pool, caPem: currentIdentity().caPem }),
      line,
      cilium: { nodeName, networkMode: () => course.desired.network.mode },
      services: {
        isJoined: () => reconciler.status.phase !== 'Joining' && reconciler.status.phase !== 'Leaving',
        askKubelet: async () => (await probeServices(host)).kubeletHealthy,
        onSilent: () => reconciler.wake(),
      },
      pods: {
        isReady: () => isOpen() && presence.cluster?.ready === 'True',
        onSeen: (seen) => {
          pods = seen;
        },
      },
      alarm: {
        tunnelState: () => (tunnel.silentMs !== undefined ? 'silent' : tunnel.state),
        onAlarm: () => health.alarm(),
      },
    }),
  });
  return { telemetry, services: () => services, line, pods: () => pods, health };
}
