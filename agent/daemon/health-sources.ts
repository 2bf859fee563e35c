// Every source of the node's health. What belongs to no source is observed by whoever sees
// it (HealthMonitor.observe).

import type { HealthSource } from '../health/condition.ts';
import { type Alarm, alarmSource } from '../health/sources/alarm.ts';
import { type CiliumWatch, ciliumSource } from '../health/sources/cilium.ts';
import { diskSource } from '../health/sources/disk.ts';
import { type NodeParts, nodeSource } from '../health/sources/node.ts';
import { type PodsWatch, podsSource } from '../health/sources/pods.ts';
import { preflightSources } from '../health/sources/preflight.ts';
import { type ServicesWatch, servicesSource } from '../health/sources/services.ts';
import type { Host } from '../host/host.ts';
import type { LineWatch } from '../line/watch.ts';
import type { PreflightContext } from '../preflight/check.ts';

export interface HealthInputs {
  readonly host: Host;
  readonly parts: () => NodeParts;
  readonly context: () => PreflightContext;
  readonly line: LineWatch;
  readonly cilium: CiliumWatch;
  readonly services: ServicesWatch;
  readonly pods: PodsWatch;
  readonly alarm: Alarm;
}

export function healthSources(inputs: HealthInputs): readonly HealthSource[] {
  const { host, parts, context, line, cilium, services, pods, alarm } = inputs;
  return [
    nodeSource(parts),
    servicesSource(host, services),
    podsSource(host, pods),
    diskSource(host),
    ...preflightSources(host, context),
    line.source(),
    ciliumSource(host, cilium),
    alarmSource(host, alarm),
  ];
}
