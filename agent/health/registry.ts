// Every source of the node's health. What belongs to no source is observed by whoever sees it (HealthMonitor.observe).
import type { Host } from '../host/host.ts';
import type { LineWatch } from '../line/watch.ts';
import type { PreflightContext } from '../preflight/check.ts';
import type { HealthSource } from './condition.ts';
import { type CiliumWatch, ciliumSource } from './sources/cilium.ts';
import { containerdSource } from './sources/containerd.ts';
import { diskSource } from './sources/disk.ts';
import { type NodeParts, nodeSource } from './sources/node.ts';
import { preflightSource } from './sources/preflight.ts';

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
