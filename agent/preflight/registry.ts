// Every check, in the order in which they are shown. This is the only list: --only, --skip, --ignore,
// `explain` and the documentation take their names from here.
import type { Check } from './check.ts';
import { architecture } from './checks/architecture.ts';
import { bpfFileSystem } from './checks/bpf-file-system.ts';
import { bridgeNetfilter } from './checks/bridge-netfilter.ts';
import { capabilities } from './checks/capabilities.ts';
import { cgroupControllers } from './checks/cgroup-controllers.ts';
import { cgroupVersionCheck } from './checks/cgroup-version.ts';
import { ciliumFeatures } from './checks/cilium-features.ts';
import { ciliumKernel } from './checks/cilium-kernel.ts';
import { ciliumPorts } from './checks/cilium-ports.ts';
import { clusterLeftovers } from './checks/cluster-leftovers.ts';
import { cniPlugins } from './checks/cni-plugins.ts';
import { containerdConfiguration } from './checks/containerd-configuration.ts';
import { cpuCount } from './checks/cpu-count.ts';
import { diskInodes } from './checks/disk-inodes.ts';
import { diskSpace } from './checks/disk-space.ts';
import { firewalld } from './checks/firewalld.ts';
import { foreignContainerd } from './checks/foreign-containerd.ts';
import { freePids } from './checks/free-pids.ts';
import { fuse } from './checks/fuse.ts';
import { gatewayAddress } from './checks/gateway-address.ts';
import { gatewayCertificate } from './checks/gateway-certificate.ts';
import { gatewayConnection } from './checks/gateway-connection.ts';
import { gatewayName } from './checks/gateway-name.ts';
import { gatewayRouteCheck } from './checks/gateway-route.ts';
import { gpuDriver } from './checks/gpu-driver.ts';
import { gpuToolkit } from './checks/gpu-toolkit.ts';
import { hostTools } from './checks/host-tools.ts';
import { inotifyLimits } from './checks/inotify-limits.ts';
import { iptablesVersion } from './checks/iptables-version.ts';
import { kernelFeatures } from './checks/kernel-features.ts';
import { kernelKeys } from './checks/kernel-keys.ts';
import { kernelVersion } from './checks/kernel-version.ts';
import { kubernetesVersion } from './checks/kubernetes-version.ts';
import { lineMtu } from './checks/line-mtu.ts';
import { linkSpeed } from './checks/link-speed.ts';
import { linkState } from './checks/link-state.ts';
import { machineId } from './checks/machine-id.ts';
import { memory } from './checks/memory.ts';
import { networkOverlap } from './checks/network-overlap.ts';
import { nfsClient } from './checks/nfs-client.ts';
import { nodeAddress } from './checks/node-address.ts';
import { nodeName } from './checks/node-name.ts';
import { operatingSystem } from './checks/operating-system.ts';
import { otherCni } from './checks/other-cni.ts';
import { otherRuntimes } from './checks/other-runtimes.ts';
import { overlayFileSystem } from './checks/overlay-file-system.ts';
import { packetFilter } from './checks/packet-filter.ts';
import { portRange } from './checks/port-range.ts';
import { portsFree } from './checks/ports-free.ts';
import { privateLine } from './checks/private-line.ts';
import { privilegedPorts } from './checks/privileged-ports.ts';
import { processLimits } from './checks/process-limits.ts';
import { proxyAgreement } from './checks/proxy-agreement.ts';
import { proxyBypass } from './checks/proxy-bypass.ts';
import { resolver } from './checks/resolver.ts';
import { reversePathFilter } from './checks/reverse-path-filter.ts';
import { rootUser } from './checks/root-user.ts';
import { runtimeLeavings } from './checks/runtime-leavings.ts';
import { selinux } from './checks/selinux.ts';
import { swap } from './checks/swap.ts';
import { sysctlConflicts } from './checks/sysctl-conflicts.ts';
import { systemd } from './checks/systemd.ts';
import { timeSkew } from './checks/time-skew.ts';
import { timeSync } from './checks/time-sync.ts';
import { xfsFtype } from './checks/xfs-ftype.ts';

export const registry: readonly Check[] = [
  rootUser,
  architecture,
  systemd,
  nodeName,
  machineId,
  operatingSystem,
  kubernetesVersion,
  clusterLeftovers,
  capabilities,
  hostTools,
  cpuCount,
  memory,
  diskSpace,
  diskInodes,
  xfsFtype,
  freePids,
  processLimits,
  kernelKeys,
  swap,
  kernelVersion,
  kernelFeatures,
  overlayFileSystem,
  cgroupVersionCheck,
  cgroupControllers,
  bridgeNetfilter,
  sysctlConflicts,
  inotifyLimits,
  portRange,
  privilegedPorts,
  gatewayName,
  resolver,
  gatewayAddress,
  gatewayRouteCheck,
  nodeAddress,
  privateLine,
  linkState,
  linkSpeed,
  lineMtu,
  networkOverlap,
  proxyAgreement,
  proxyBypass,
  gatewayConnection,
  gatewayCertificate,
  timeSync,
  timeSkew,
  portsFree,
  firewalld,
  packetFilter,
  iptablesVersion,
  selinux,
  foreignContainerd,
  otherRuntimes,
  containerdConfiguration,
  runtimeLeavings,
  cniPlugins,
  ciliumKernel,
  ciliumFeatures,
  bpfFileSystem,
  ciliumPorts,
  otherCni,
  reversePathFilter,
  gpuDriver,
  gpuToolkit,
  nfsClient,
  fuse,
];
