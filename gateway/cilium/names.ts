// Names of what the gateway makes for Cilium. Everything is in a namespace of its own: who may start pods
// there, as the gateway may, must not reach the CA's Secret beside them.
export const ciliumNamespace = 'regnode-cilium';
export const agentAccount = 'cilium';
export const operatorAccount = 'cilium-operator';
export const operatorName = 'cilium-operator';
export const agentName = (pool: string) => `cilium-${pool}`;
export const configurationName = (pool: string) => `cilium-config-${pool}`;
export const kubeconfigName = (access: string) => `cilium-kubeconfig-${access}`;
/** How Cilium's own installers call it: two in one cluster fight. */
export const foreignCilium = { name: 'cilium', namespace: 'kube-system' } as const;

/** What all of it carries, and by which it is found again. */
export const ownLabels = {
  'app.kubernetes.io/managed-by': 'regnode',
  'app.kubernetes.io/part-of': 'cilium',
} as const;
export const ownSelector = Object.entries(ownLabels)
  .map(([key, value]) => `${key}=${value}`)
  .join(',');
/** By which Cilium's operator finds the agents. */
export const agentLabels = { 'k8s-app': 'cilium' } as const;
export const operatorLabels = { name: operatorName } as const;
