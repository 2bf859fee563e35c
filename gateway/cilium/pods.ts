// What the pods of Cilium's agent and of its operator have in common: they live in the host's
// network, are told where they are, read their configuration from a ConfigMap and the way to the
// API server from another. Pure.
import { configurationFolder, kubeconfigPath } from './configuration.ts';
import type { CiliumPool } from './desired.ts';
import { configurationName, kubeconfigName } from './names.ts';

export const environment = [
  { name: 'K8S_NODE_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
  {
    name: 'CILIUM_K8S_NAMESPACE',
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } },
  },
];

const kubeconfigFolder = kubeconfigPath.slice(0, kubeconfigPath.lastIndexOf('/'));

export const configurationMounts = [
  { name: 'configuration', mountPath: configurationFolder, readOnly: true },
  { name: 'kubeconfig', mountPath: kubeconfigFolder, readOnly: true },
];

export const configurationVolumes = ({ name, access }: CiliumPool) => [
  { name: 'configuration', configMap: { name: configurationName(name) } },
  { name: 'kubeconfig', configMap: { name: kubeconfigName(access) } },
];

/** Only nodes of these pools: a cluster's own nodes have their own network. */
export const onPools = (pools: readonly string[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'regnode.io/pool', operator: 'In', values: [...pools] }] },
      ],
    },
  },
});

/** A node without a network has taints, and is nobody else's to repair. */
export const everywhere = [{ operator: 'Exists' }];
