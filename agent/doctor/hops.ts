// The way from the host to a running pod, hop by hop, and the checks that say whether one works.
// Questions that preflight asks too are preflight's checks. The cause is the first failed check in this order
// that does not follow from another.
import type { Check } from '../preflight/check.ts';
import { diskInodes } from '../preflight/checks/disk-inodes.ts';
import { gatewayAddress } from '../preflight/checks/gateway-address.ts';
import { gatewayCertificate } from '../preflight/checks/gateway-certificate.ts';
import { gatewayConnection } from '../preflight/checks/gateway-connection.ts';
import { gatewayName } from '../preflight/checks/gateway-name.ts';
import { gatewayRouteCheck } from '../preflight/checks/gateway-route.ts';
import { lineMtu } from '../preflight/checks/line-mtu.ts';
import { linkState } from '../preflight/checks/link-state.ts';
import { privateLine } from '../preflight/checks/private-line.ts';
import { swap } from '../preflight/checks/swap.ts';
import { systemd } from '../preflight/checks/systemd.ts';
import { timeSkew } from '../preflight/checks/time-skew.ts';
import { agentService } from './checks/agent-service.ts';
import { apiServerAnswer } from './checks/api-server-answer.ts';
import { apiServerConnection } from './checks/api-server-connection.ts';
import { cniConfiguration } from './checks/cni-configuration.ts';
import { containerdAnswer } from './checks/containerd-answer.ts';
import { containerdService } from './checks/containerd-service.ts';
import { kubeletHealth } from './checks/kubelet-health.ts';
import { kubeletPort } from './checks/kubelet-port.ts';
import { kubeletService } from './checks/kubelet-service.ts';
import { nodeAdmitted } from './checks/node-admitted.ts';
import { nodeCertificate } from './checks/node-certificate.ts';
import { nodeDisk } from './checks/node-disk.ts';
import { nodeIdentity } from './checks/node-identity.ts';
import { nodeReady } from './checks/node-ready.ts';
import { nodeTunnel } from './checks/node-tunnel.ts';
import { podImages } from './checks/pod-images.ts';
import { podStates } from './checks/pod-states.ts';

export const hopNames = [
  'host',
  'line',
  'gateway',
  'api-server',
  'kubelet',
  'runtime',
  'cni',
  'pod',
] as const;
export type HopName = (typeof hopNames)[number];

export const hops: Readonly<Record<HopName, readonly Check[]>> = {
  host: [systemd, nodeDisk, diskInodes, swap, timeSkew],
  line: [gatewayName, gatewayAddress, gatewayRouteCheck, linkState, lineMtu, privateLine],
  gateway: [
    ...[gatewayConnection, gatewayCertificate, nodeCertificate, agentService, nodeAdmitted],
    ...[nodeIdentity, nodeTunnel],
  ],
  'api-server': [apiServerConnection, apiServerAnswer],
  kubelet: [kubeletService, kubeletHealth, kubeletPort],
  runtime: [containerdService, containerdAnswer],
  cni: [cniConfiguration],
  pod: [nodeReady, podImages, podStates],
};

export const doctorChecks: readonly Check[] = hopNames.flatMap((hop) => hops[hop]);
