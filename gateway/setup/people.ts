// Roles for people who use regnodectl: viewer, operator, admin. `setup` makes them and binds them to nobody,
// and nothing of them is aggregated into Kubernetes' own view, edit and admin: who edits a NodePool says
// what runs as root on its hosts. What a role amounts to stands in its annotation. Rules hold exactly what
// the verbs of regnodectl do.

import type { Kind, KubernetesObject } from '../kubernetes/kinds.ts';
import { clusterRoles, roles } from '../kubernetes/kinds.ts';
import { gatewayNamespace, tokenNamespace } from '../kubernetes/names.ts';
import type { RbacObject, Rule } from '../kubernetes/rbac.ts';
import { expelledConfigMap } from '../nodes/expelled.ts';
import { definitionName } from '../resources/definitions.ts';
import { nodePools } from '../resources/node-pool.ts';

const poolDefinition = definitionName(nodePools);

const amountsToAnnotation = 'regnode.io/amounts-to';
const viewerRole = 'regnode-viewer';
const operatorRole = 'regnode-operator';
const adminRole = 'regnode-admin';

const viewerRules: readonly Rule[] = [
  {
    apiGroups: ['regnode.io'],
    resources: ['nodepools', 'registerednodes'],
    verbs: ['get', 'list', 'watch'],
  },
  // `node get` shows the Node's labels, taints and readiness.
  { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
];

const operatorRules: readonly Rule[] = [
  ...viewerRules,
  { apiGroups: ['regnode.io'], resources: ['registerednodes'], verbs: ['update', 'patch', 'delete'] },
  { apiGroups: [''], resources: ['nodes'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
];

const adminRules: readonly Rule[] = [
  ...operatorRules,
  { apiGroups: ['regnode.io'], resources: ['nodepools'], verbs: ['create', 'update', 'patch', 'delete'] },
  // What the API server would drop of a pool without a word is found before it is written.
  {
    apiGroups: ['apiextensions.k8s.io'],
    resources: ['customresourcedefinitions'],
    resourceNames: [poolDefinition],
    verbs: ['get'],
  },
  // `pool create` takes the address of pods' DNS from it.
  { apiGroups: [''], resources: ['services'], resourceNames: ['kube-dns'], verbs: ['get'] },
];

/** A ClusterRole can't be limited to a namespace, so what tokens need is a Role beside it. */
const tokenRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'create', 'delete'] },
];
/** The address of the gateway, for join commands. */
const addressRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['configmaps'], resourceNames: ['regnode-gateway'], verbs: ['get'] },
];

/** Names of hosts that were removed because they mean harm. */
const expelledRules: readonly Rule[] = [
  {
    apiGroups: [''],
    resources: ['configmaps'],
    resourceNames: [expelledConfigMap],
    verbs: ['get', 'update'],
  },
];

const texts = {
  [viewerRole]:
    'Sees node pools and registered nodes: addresses, versions, conditions, labels of Nodes. Holds no secret and changes nothing.',
  [operatorRole]:
    'Labels, taints, cordons, drains, retries, readmits and removes registered nodes. It may patch every Node of the cluster and evict every pod, and by the spec of a registration it says which key and which addresses are a node’s: it can give a node’s name to another host. Not root on hosts.',
  [adminRole]:
    'An operator who also edits node pools. Whoever edits a NodePool is root on every host of the pool: it says which images, registries, mirrors and versions run there.',
  expelled:
    'Expels names: the gateway deletes each Node of such a name that no host has joined under, a cloud node’s too, and no host joins under it.',
  tokens:
    'Makes, lists and revokes join tokens: lets hosts join any pool. Holds no key of the gateway: tokens have a namespace of their own.',
};

export function peopleAccess(
  labels: Readonly<Record<string, string>>,
): { kind: Kind<KubernetesObject>; object: RbacObject }[] {
  const described = (text: string) => ({ labels, annotations: { [amountsToAnnotation]: text } });
  const clusterRole = (name: keyof typeof texts, rules: readonly Rule[]) => ({
    kind: clusterRoles,
    object: { metadata: { name, ...described(texts[name]) }, rules },
  });
  const role = (
    namespace: string,
    rules: readonly Rule[],
    name: string = operatorRole,
    text: string = texts.tokens,
  ) => ({
    kind: roles,
    object: { metadata: { name, namespace, ...described(text) }, rules },
  });
  return [
    clusterRole(viewerRole, viewerRules),
    clusterRole(operatorRole, operatorRules),
    clusterRole(adminRole, adminRules),
    role(tokenNamespace, tokenRules),
    role(gatewayNamespace, addressRules),
    role(gatewayNamespace, expelledRules, adminRole, texts.expelled),
  ];
}
