// RBAC: exactly what the gateway's own code does, for its ServiceAccount and for a client certificate with
// CN=regnode-gateway, and the one right that a joining kubelet needs (to ask for its certificate). Of secrets
// outside its own namespaces the gateway may make some and no more: get, list and watch show them, and the
// API server answers update, patch, delete and deletecollection with the object, also as a dry run.

import { ciliumAccess, ciliumNamespaceRules } from '../cilium/access.ts';
import { ciliumNamespace, foreignCilium } from '../cilium/names.ts';
import type { Kind, KubernetesObject } from '../kubernetes/kinds.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  namespaces,
  roleBindings,
  roles,
  serviceAccounts,
} from '../kubernetes/kinds.ts';
import {
  bootstrapGroup,
  gatewayNamespace,
  gatewayUser,
  metricsUser,
  tokenNamespace,
} from '../kubernetes/names.ts';
import type { RbacObject, Rule } from '../kubernetes/rbac.ts';
import { resourceNames } from '../resources/definitions.ts';

const clusterRules: readonly Rule[] = [
  {
    apiGroups: ['regnode.io'],
    resources: ['nodepools', 'registerednodes'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
  {
    apiGroups: ['regnode.io'],
    resources: ['nodepools/status', 'registerednodes/status', 'registerednodes/finalizers'],
    verbs: ['update', 'patch'],
  },
  // Whether they are those of this release.
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    resourceNames,
    verbs: ['get'],
  },
  // Labels, taints and cordon of registered nodes; the Node object goes when its host has left.
  { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'patch', 'delete'] },
  // What ails a node, as conditions beside the kubelet's own.
  { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
  // Whose an address is: no node may have one of theirs.
  { apiGroups: [''], resources: ['services'], verbs: ['list'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list'] },
  { apiGroups: ['networking.k8s.io'], resources: ['servicecidrs'], verbs: ['list'] },
  // Drain, and whose an address is.
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
  { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  // The kubelets' certificates.
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['certificatesigningrequests'],
    verbs: ['get', 'list', 'watch'],
  },
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['certificatesigningrequests/approval'],
    verbs: ['update'],
  },
  {
    apiGroups: ['certificates.k8s.io'],
    resources: ['signers'],
    resourceNames: ['kubernetes.io/kube-apiserver-client-kubelet', 'kubernetes.io/kubelet-serving'],
    verbs: ['approve'],
  },
];

/** `regnodectl` makes and takes away, a join reads and counts down. */
const tokenNamespaceRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'create', 'update', 'delete'] },
];

const ownNamespaceRules: readonly Rule[] = [
  // The CA.
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'update', 'patch'] },
  {
    apiGroups: [''],
    resources: ['serviceaccounts/token'],
    resourceNames: [metricsUser],
    verbs: ['create'],
  },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'],
  },
];

/** Bootstrap tokens, which expire by themselves: names can't be limited by prefix, so nothing else. */
const kubeSystemRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
  // Whether the cluster has a Cilium of its own already.
  { apiGroups: ['apps'], resources: ['daemonsets'], resourceNames: [foreignCilium.name], verbs: ['get'] },
];

const gatewaySubjects = [
  { kind: 'ServiceAccount', name: gatewayUser, namespace: gatewayNamespace },
  { kind: 'User', name: gatewayUser, apiGroup: 'rbac.authorization.k8s.io' },
];

export const objectLabels = { 'app.kubernetes.io/name': 'regnode' };
const labels = objectLabels;
const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });

/** In the order in which they are applied. */
export const accessObjects: readonly { kind: Kind<KubernetesObject>; object: RbacObject }[] = [
  { kind: namespaces, object: { metadata: { name: gatewayNamespace, labels } } },
  { kind: namespaces, object: { metadata: { name: tokenNamespace, labels } } },
  {
    kind: serviceAccounts,
    object: { metadata: { name: gatewayUser, namespace: gatewayNamespace, labels } },
  },
  { kind: clusterRoles, object: { metadata: { name: gatewayUser, labels }, rules: clusterRules } },
  {
    kind: clusterRoleBindings,
    object: {
      metadata: { name: gatewayUser, labels },
      roleRef: roleRef('ClusterRole', gatewayUser),
      subjects: gatewaySubjects,
    },
  },
  {
    kind: serviceAccounts,
    object: { metadata: { name: metricsUser, namespace: gatewayNamespace, labels } },
  },
  {
    kind: clusterRoles,
    object: {
      metadata: { name: metricsUser, labels },
      rules: [{ apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] }],
    },
  },
  {
    kind: clusterRoleBindings,
    object: {
      metadata: { name: metricsUser, labels },
      roleRef: roleRef('ClusterRole', metricsUser),
      subjects: [{ kind: 'ServiceAccount', name: metricsUser, namespace: gatewayNamespace }],
    },
  },
  ...role(gatewayNamespace, ownNamespaceRules),
  ...role(tokenNamespace, tokenNamespaceRules),
  ...role('kube-system', kubeSystemRules),
  {
    kind: clusterRoleBindings,
    object: {
      metadata: { name: 'regnode-node-bootstrapper', labels },
      roleRef: roleRef('ClusterRole', 'system:node-bootstrapper'),
      subjects: [{ kind: 'Group', name: bootstrapGroup, apiGroup: 'rbac.authorization.k8s.io' }],
    },
  },
];

/**
 * Where regnode brings Cilium (cilium-rights.ts): its accounts, and the gateway's right to start its pods.
 */
export const ciliumAccessObjects: readonly { kind: Kind<KubernetesObject>; object: RbacObject }[] = [
  ...ciliumAccess(labels),
  ...role(ciliumNamespace, ciliumNamespaceRules),
];

function role(
  namespace: string,
  rules: readonly Rule[],
): { kind: Kind<KubernetesObject>; object: RbacObject }[] {
  const metadata = { name: gatewayUser, namespace, labels };
  return [
    { kind: roles, object: { metadata, rules } },
    {
      kind: roleBindings,
      object: { metadata, roleRef: roleRef('Role', gatewayUser), subjects: gatewaySubjects },
    },
  ];
}
