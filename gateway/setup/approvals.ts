// What the cluster approves by itself of kubelets' certificates, beside the gateway: where it approves the
// first one of every bootstrapper, whoever has a join token can become any node; where it approves renewals,
// a removed host's certificate never ends. Neither is regnode's to change, so an administrator is told. A
// binding may name any role that has the right, so roles are read, too.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { clusterRoleBindings, clusterRoles } from '../kubernetes/kinds.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { bootstrapGroup } from '../kubernetes/names.ts';
import type { RbacObject } from '../kubernetes/rbac.ts';

/** Our bootstrap tokens are in all of these. */
const groupsOfBootstrappers = new Set([
  'system:bootstrappers',
  'system:authenticated',
  'system:unauthenticated',
  bootstrapGroup,
]);
const groupsOfNodes = new Set(['system:nodes', 'system:authenticated', 'system:unauthenticated']);

/** Warnings, not failures; nothing when the cluster approves nothing of ours. */
export async function approvalWarnings(kubernetes: Kubernetes): Promise<readonly Fault[]> {
  try {
    const { items: roles } = await kubernetes.list(clusterRoles);
    const { items: bindings } = await kubernetes.list(clusterRoleBindings);
    const first = boundTo(bindings, rolesWith(roles, 'nodeclient'), groupsOfBootstrappers);
    const renewals = boundTo(bindings, rolesWith(roles, 'selfnodeclient'), groupsOfNodes);
    return [
      ...(first === '' ? [] : [new Fault('BOOTSTRAPPERS_APPROVED', { bindings: first })]),
      ...(renewals === '' ? [] : [new Fault('RENEWALS_APPROVED', { bindings: renewals })]),
    ];
  } catch (error) {
    if (!isFailure(error, 'Forbidden')) throw error;
    return [new Fault('APPROVALS_UNKNOWN', { detail: error.message }, { cause: error })];
  }
}

function rolesWith(roles: readonly RbacObject[], subresource: string): ReadonlySet<string> {
  const has = (values: readonly string[] = [], wanted: readonly string[]) =>
    values.some((value) => value === '*' || wanted.includes(value));
  const resources = [`certificatesigningrequests/${subresource}`, `*/${subresource}`];
  const grants = roles.filter(({ rules }) =>
    rules?.some(
      (rule) =>
        has(rule.apiGroups, ['certificates.k8s.io']) &&
        has(rule.resources, resources) &&
        has(rule.verbs, ['create']),
    ),
  );
  return new Set(grants.map(({ metadata }) => metadata.name));
}

/** `NAME (GROUP)`, one after the other. */
function boundTo(
  bindings: readonly RbacObject[],
  roles: ReadonlySet<string>,
  groups: ReadonlySet<string>,
): string {
  const found = bindings.flatMap(({ metadata, roleRef, subjects }) => {
    if (roleRef?.kind !== 'ClusterRole' || !roles.has(roleRef.name)) return [];
    const bound = (subjects ?? []).filter(({ kind, name }) => kind === 'Group' && groups.has(name));
    return bound.length === 0 ? [] : [`${metadata.name} (${bound.map(({ name }) => name).join(', ')})`];
  });
  return found.join(', ').slice(0, 500);
}
