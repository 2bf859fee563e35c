// What an administrator is told of a cluster that approves kubelets' certificates by itself.
import { expect, test } from 'vitest';
import { clusterRoleBindings, clusterRoles } from '../../../../gateway/kubernetes/kinds.ts';
import { KubernetesFailure } from '../../../../gateway/kubernetes/kubernetes.ts';
import type { RbacObject } from '../../../../gateway/kubernetes/rbac.ts';
import { approvalWarnings } from '../../../../gateway/setup/approvals.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

const prefix = 'system:certificates.k8s.io:certificatesigningrequests';

async function cluster(bindings: Readonly<Record<string, readonly [role: string, ...groups: string[]]>>) {
  const kubernetes = memoryKubernetes();
  const make = (kind: typeof clusterRoles, object: RbacObject) => kubernetes.create(kind, object);
  const role = (name: string, resources: string[], verbs = ['create']) =>
    make(clusterRoles, {
      metadata: { name },
      rules: [{ apiGroups: ['certificates.k8s.io'], resources, verbs }],
    });
  await role(`${prefix}:nodeclient`, ['certificatesigningrequests/nodeclient']);
  await role(`${prefix}:selfnodeclient`, ['certificatesigningrequests/selfnodeclient']);
  await role('of-our-own', ['certificatesigningrequests', 'certificatesigningrequests/nodeclient']);
  await role('harmless', ['certificatesigningrequests'], ['*']);
  for (const [name, [to, ...groups]] of Object.entries(bindings))
    await make(clusterRoleBindings, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: to },
      subjects: groups.map((group) => ({ kind: 'Group', name: group })),
    });
  return kubernetes;
}

const told = async (kubernetes: ReturnType<typeof memoryKubernetes>) =>
  (await approvalWarnings(kubernetes)).map(({ code, values }) => [code, values.bindings]);

test('the first certificate of every bootstrapper, by the manual’s role or by another', async () => {
  const kubernetes = await cluster({
    'auto-approve-csrs-for-group': [`${prefix}:nodeclient`, 'system:bootstrappers'],
    'a-role-of-our-own': ['of-our-own', 'x', 'system:authenticated'],
    'who-may-ask': ['harmless', 'system:bootstrappers'],
  });
  expect(await told(kubernetes)).toEqual([
    [
      'BOOTSTRAPPERS_APPROVED',
      'auto-approve-csrs-for-group (system:bootstrappers), a-role-of-our-own (system:authenticated)',
    ],
  ]);
});

test('as kubeadm has it: first certificates of a group of its own, and all renewals', async () => {
  const kubernetes = await cluster({
    'kubeadm:node-autoapprove-bootstrap': [
      `${prefix}:nodeclient`,
      'system:bootstrappers:kubeadm:default-node-token',
    ],
    'kubeadm:node-autoapprove-certificate-rotation': [`${prefix}:selfnodeclient`, 'system:nodes'],
  });
  expect(await told(kubernetes)).toEqual([
    ['RENEWALS_APPROVED', 'kubeadm:node-autoapprove-certificate-rotation (system:nodes)'],
  ]);
});

test('a cluster that approves nothing by itself, and one whose bindings may not be listed', async () => {
  const kubernetes = await cluster({});
  expect(await told(kubernetes)).toEqual([]);
  kubernetes.before = (verb, plural) => {
    if (verb !== 'list' || plural !== 'clusterrolebindings') return;
    const request = 'GET /apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
    throw new KubernetesFailure({ status: 403, reason: 'Forbidden', message: 'no right', request });
  };
  expect(await told(kubernetes)).toEqual([['APPROVALS_UNKNOWN', undefined]]);
});
