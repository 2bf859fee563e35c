// What the daemon sees: collectors and heartbeats, the private line, the node's health. Collecting begins
// here; what it yields waits in the ring until the tunnel is open.
import { paths } from '../config/paths.ts';
import { HealthMonitor } from '../health/monitor.ts';
import { LineWatch } from '../line/watch.ts';
import type { ServiceHealth } from '../telemetry/heartbeat/heartbeat.ts';
import { probeServices } from '../telemetry/heartbeat/services.ts';
import { startTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import type { Given } from './given.ts';
import { healthSources } from './health-sources.ts';
import type { Link } from './link.ts';
import type { Self } from './self.ts';

export interface Observation {
  readonly telemetry: Telemetry;
  /** undefined before they were asked for the first time. */
  readonly services: () => ServiceHealth | undefined;
  readonly line: LineWatch;
  readonly health: HealthMonitor;
}

export function observe(parts: Given & Self & Link): Observation {
  const { host, logger, environment, signal, life } = parts;
  const { configuration, settings, remembered, course, tunnel, renewal, currentIdentity } = parts;
  const { gatewayUrl, nodeName, pool } = configuration;
  let services: ServiceHealth | undefined;
  const telemetry = startTelemetry({
    channel: tunnel.telemetry,
    intervals: course.desired.telemetry,
    heartbeatProbe: async () => {
      services = await probeServices();
      return services;
    },
    spool: { disk: host.openSpool(paths.spool) },
    ...{ settings, logger, signal },
  });
  life.defer(() => telemetry.stopped);
  const desired = () => course.desired;
  const line = new LineWatch({ host, gatewayUrl, identity: currentIdentity, desired, environment });
  const health = new HealthMonitor({
    ...{ host, remembered, logger, signal },
    sources: healthSources({
      host,
      parts: () => ({
        tunnel: { state: tunnel.state, lastFault: tunnel.status.lastFault?.message ?? '' },
        certificate: renewal.status,
        isKubeletHealthy: services?.kubeletHealthy,
      }),
      context: () => ({ gatewayUrl, nodeName, pool, caPem: currentIdentity().caPem }),
      line,
      cilium: { nodeName, networkMode: () => course.desired.network.mode },
    }),
  });
  return { telemetry, services: () => services, line, health };
}
