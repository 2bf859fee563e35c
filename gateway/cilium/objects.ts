// All objects of the cluster's Cilium in the order in which they are applied: configuration
// before what reads it. Pure.
import { createHash } from 'node:crypto';
import {
  configMaps,
  daemonSets,
  deployments,
  type Kind,
  type KubernetesObject,
} from '../kubernetes/kinds.ts';
import { agentDaemonSet } from './agent.ts';
import { ciliumConfiguration } from './configuration.ts';
import type { DesiredCilium } from './desired.ts';
import { ciliumKubeconfig } from './kubeconfig.ts';
import { ciliumNamespace, configurationName, kubeconfigName, ownLabels } from './names.ts';
import { operatorDeployment } from './operator.ts';

export interface CiliumObject {
  readonly kind: Kind<KubernetesObject>;
  readonly object: KubernetesObject;
}

export function ciliumObjects(cilium: DesiredCilium, apiServerUrl: string): CiliumObject[] {
  const configMap = (name: string, data: Readonly<Record<string, string>>): CiliumObject => ({
    kind: configMaps,
    object: { metadata: { name, namespace: ciliumNamespace, labels: ownLabels }, data } as KubernetesObject,
  });
  const kubeconfigs = new Map(
    cilium.pools.map(({ access }) => [access, ciliumKubeconfig(apiServerUrl, access)] as const),
  );
  const configurations = new Map(cilium.pools.map((pool) => [pool.name, ciliumConfiguration(cilium, pool)]));
  const hashOf = (pool: DesiredCilium['pools'][number]) =>
    createHash('sha256')
      .update(JSON.stringify([configurations.get(pool.name), kubeconfigs.get(pool.access)]))
      .digest('hex')
      .slice(0, 16);
  return [
    ...[...kubeconfigs].map(([access, kubeconfig]) => configMap(kubeconfigName(access), { kubeconfig })),
    ...[...configurations].map(([pool, data]) => configMap(configurationName(pool), data)),
    { kind: deployments, object: operatorDeployment(cilium, hashOf(cilium.operator.pool)) },
    ...cilium.pools.map((pool) => ({ kind: daemonSets, object: agentDaemonSet(pool, hashOf(pool)) })),
  ];
}
