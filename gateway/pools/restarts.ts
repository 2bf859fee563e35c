// What a changed setting of a pool does to its nodes: pure. Whatever restarts something is a rollout,
// node by node; a test compares this table with what an agent would restart. A setting that is not
// named here is applied at once.

/** Of `differences`: the path of a field begins with it. */
const effects = {
  kubernetesVersion: ['kubelet'],
  'componentVersions.containerd': ['containerd'],
  'componentVersions.agent': ['regnode'],
  kubelet: ['kubelet'],
  apiServerAccess: ['kubelet'],
  kubeletAccess: ['kubelet'],
  // Up to 1.26 the kubelet has it too.
  'containerd.sandboxImage': ['containerd', 'kubelet'],
} as const satisfies Record<string, readonly Restarted[]>;

export type Restarted = 'kubelet' | 'containerd' | 'regnode';

/** What is restarted on each node when these fields (`kubelet.maxPods`) change; empty: nothing. */
export function restartedBy(fields: readonly string[]): readonly Restarted[] {
  const all = Object.entries(effects)
    .filter(([prefix]) => fields.some((field) => field === prefix || field.startsWith(`${prefix}.`)))
    .flatMap(([, restarted]) => restarted);
  return [...new Set(all)].sort();
}

/** Versions are put into use one node at a time too, also where nothing restarts for them. */
export function isRollout(fields: readonly string[]): boolean {
  return restartedBy(fields).length > 0 || fields.some((field) => field.startsWith('componentVersions.'));
}
