// What "regnode-gateway setup" says of a cluster that approves kubelets' certificates by itself. Warnings.
import type { CatalogueEntry } from './entry.ts';

export const approvalFaults = {
  BOOTSTRAPPERS_APPROVED: {
    exitCode: 1,
    en: {
      message:
        'This cluster approves the first certificate of every bootstrapping kubelet: {bindings}. Whoever has a join token can become any node.',
      remedy:
        'Bind that role to a group of your own bootstrap tokens, as kubeadm does (system:bootstrappers:kubeadm:default-node-token), and delete the ClusterRoleBinding; the gateway approves registered hosts itself.',
    },
    zh: {
      message: '此集群会自动批准任何引导 kubelet 的首个证书：{bindings}。持有加入令牌的人可以成为任意节点。',
      remedy:
        '请将该角色改为绑定到自有引导令牌的组（如 kubeadm 的 system:bootstrappers:kubeadm:default-node-token），并删除此 ClusterRoleBinding；已注册主机由网关自行批准。',
    },
  },
  RENEWALS_APPROVED: {
    exitCode: 1,
    en: {
      message:
        'This cluster renews the certificate of every kubelet by itself: {bindings}. That of a host that was removed because it means harm is renewed as well, without end.',
      remedy:
        'Nothing is to be done now. Expel such a host when you remove it (regnodectl node expel NAME), and give its name to nobody.',
    },
    zh: {
      message:
        '此集群会自动续签任何 kubelet 的证书：{bindings}。因恶意而被移除的主机，其证书也会一直被续签。',
      remedy: '现在无需处理。移除此类主机时请将其除名（regnodectl node expel NAME），且不要再使用其名称。',
    },
  },
  APPROVALS_UNKNOWN: {
    exitCode: 1,
    en: {
      message: 'Whether this cluster approves kubelets’ certificates by itself could not be read: {detail}.',
      remedy:
        'Look as a cluster administrator for system:bootstrappers in: kubectl get clusterrolebindings -o wide',
    },
    zh: {
      message: '无法得知此集群是否自动批准 kubelet 的证书：{detail}。',
      remedy:
        '请以集群管理员身份查看其中是否有 system:bootstrappers：kubectl get clusterrolebindings -o wide',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
