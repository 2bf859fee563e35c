// Every check, in the order in which they are shown. This is the only list: --only, --skip, --ignore, `explain`
// and the documentation take their names from here.
import type { Check } from './check.ts';
import { architecture } from './checks/architecture.ts';
import { capabilities } from './checks/capabilities.ts';
import { clusterLeftovers } from './checks/cluster-leftovers.ts';
import { hostTools } from './checks/host-tools.ts';
import { kubernetesVersion } from './checks/kubernetes-version.ts';
import { machineId } from './checks/machine-id.ts';
import { nodeName } from './checks/node-name.ts';
import { operatingSystem } from './checks/operating-system.ts';
import { rootUser } from './checks/root-user.ts';
import { systemd } from './checks/systemd.ts';

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
];
