// The rights of Cilium's agent and operator (what their documentation asks for a node's network without L7,
// BGP and Hubble), and those of the gateway in their namespace. `regnode-gateway setup` writes them, with an
// administrator's rights: the gateway itself may neither make nor widen a role.

import {
  clusterRoleBindings,
  clusterRoles,
  type Kind,
  type KubernetesObject,
  namespaces,
  serviceAccounts,
} from '../kubernetes/kinds.ts';
import type { RbacObject, Rule } from '../kubernetes/rbac.ts';
import { agentAccount, ciliumNamespace, operatorAccount } from './names.ts';

const look = ['get', 'list', 'watch'];
const ciliumGroup = ['cilium.io'];

/** Every kind of Cilium's own that its operator registers. */
const customKinds = [
  'ciliumnetworkpolicies',
  'ciliumclusterwidenetworkpolicies',
  'ciliumendpoints',
  'ciliumendpointslices',
  'ciliumidentities',
  'ciliumnodes',
  'ciliumnodeconfigs',
  'ciliumcidrgroups',
  'ciliumlocalredirectpolicies',
  'ciliumegressgatewaypolicies',
  'ciliumenvoyconfigs',
  'ciliumclusterwideenvoyconfigs',
  'ciliumloadbalancerippools',
  'ciliuml2announcementpolicies',
  'ciliumpodippools',
  'ciliumbgppeeringpolicies',
  'ciliumbgpclusterconfigs',
  'ciliumbgppeerconfigs',
  'ciliumbgpadvertisements',
  'ciliumbgpnodeconfigs',
  'ciliumbgpnodeconfigoverrides',
  'ciliumgatewayclassconfigs',
];

const agentRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['namespaces', 'services', 'pods', 'endpoints', 'nodes'], verbs: look },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: look },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: look },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: look },
  { apiGroups: [''], resources: ['nodes/status'], verbs: ['patch'] },
  { apiGroups: ciliumGroup, resources: customKinds, verbs: ['list', 'watch'] },
  {
    apiGroups: ciliumGroup,
    resources: ['ciliumidentities', 'ciliumendpoints', 'ciliumnodes'],
    verbs: ['get', 'create', 'update', 'patch'],
  },
  { apiGroups: ciliumGroup, resources: ['ciliumendpoints'], verbs: ['delete'] },
  {
    apiGroups: ciliumGroup,
    resources: [
      'ciliumnodes/status',
      'ciliumendpoints/status',
      'ciliumnetworkpolicies/status',
      'ciliumclusterwidenetworkpolicies/status',
      'ciliuml2announcementpolicies/status',
    ],
    verbs: ['patch', 'update'],
  },
];

const operatorRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods', 'nodes', 'namespaces', 'services', 'endpoints'], verbs: look },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: look },
  // Takes its taint off a node, says that its network is there.
  { apiGroups: [''], resources: ['nodes', 'nodes/status'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['services/status'], verbs: ['update', 'patch'] },
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    verbs: [...look, 'create'],
  },
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    resourceNames: customKinds.map((plural) => `${plural}.cilium.io`),
    verbs: ['update'],
  },
  {
    apiGroups: ciliumGroup,
    resources: customKinds,
    verbs: [...look, 'create', 'update', 'patch', 'delete', 'deletecollection'],
  },
  {
    apiGroups: ciliumGroup,
    resources: customKinds.map((plural) => `${plural}/status`),
    verbs: ['update', 'patch'],
  },
];

/** Leader election of the operator. */
const operatorNamespaceRules: readonly Rule[] = [
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
];

/** What the gateway may do there. */
export const ciliumNamespaceRules: readonly Rule[] = [
  {
    apiGroups: ['apps'],
    resources: ['daemonsets', 'deployments'],
    verbs: ['get', 'list', 'create', 'patch', 'delete'],
  },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'patch', 'delete'] },
];

export function ciliumAccess(
  labels: Readonly<Record<string, string>>,
): { kind: Kind<KubernetesObject>; object: RbacObject }[] {
  // Its pods are privileged: where admission would refuse such pods, it must not do so here.
  const namespaceLabels = { ...labels, 'pod-security.kubernetes.io/enforce': 'privileged' };
  return [
    { kind: namespaces, object: { metadata: { name: ciliumNamespace, labels: namespaceLabels } } },
    ...account(agentAccount, agentRules, labels),
    ...account(operatorAccount, [...operatorRules, ...operatorNamespaceRules], labels),
  ];
}

function account(name: string, rules: readonly Rule[], labels: Readonly<Record<string, string>>) {
  const clusterName = `regnode-${name}`;
  return [
    { kind: serviceAccounts, object: { metadata: { name, namespace: ciliumNamespace, labels } } },
    { kind: clusterRoles, object: { metadata: { name: clusterName, labels }, rules } },
    {
      kind: clusterRoleBindings,
      object: {
        metadata: { name: clusterName, labels },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: clusterName },
        subjects: [{ kind: 'ServiceAccount', name, namespace: ciliumNamespace }],
      },
    },
  ];
}
