// The port of a node's kubelet, as its Node says. The kubelet writes that itself, so a port below 1024, where
// other services of a host are, is not believed. Pure.
import type { NodeObject } from '../kubernetes/kinds.ts';

export const usualKubeletPort = 10250;

export function kubeletPortOf(node: NodeObject | undefined): number {
  const port = node?.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? usualKubeletPort;
  return Number.isInteger(port) && port > 1023 && port <= 65_535 ? port : usualKubeletPort;
}
