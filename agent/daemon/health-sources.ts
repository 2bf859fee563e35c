// Every source of the node's health. What belongs to no source is observed by whoever sees
// it (HealthMonitor.observe).

import type { HealthSource } from '../health/condition.ts';
import { type CiliumWatch, ciliumSource } from '../health/sources/cilium.ts';
import { containerdSource } from '../health/sources/containerd.ts';
import { diskSource } from '../health/sources/disk.ts';
import { type NodeParts, nodeSource } from '../health/sources/node.ts';
import { preflightSource } from '../health/sources/preflight.ts';
import type { Host } from '../host/host.ts';
import type { LineWatch } from '../line/watch.ts';
import type { PreflightContext } from '../preflight/check.ts';

export interface HealthInputs {
  readonly host: Host;
  readonly parts: () => NodeParts;
  readonly context: () => PreflightContext;
  readonly line: LineWatch;
  readonly cilium: CiliumWatch;
}

export function healthSources({ host, parts, context, line, cilium }: HealthInputs): readonly HealthSource[] {
  return [
    nodeSource(parts),
    containerdSource(host),
    diskSource(host),
    preflightSource(host, context),
    line.source(),
    ciliumSource(cilium),
  ];
}
