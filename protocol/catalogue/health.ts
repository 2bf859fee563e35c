// What may ail a node while it runs: the codes of its conditions. When each becomes visible and what it
// depends on is agent/health/table.ts; a code without a row there does not compile.
import type { CatalogueEntry } from './entry.ts';

export const healthFaults = {
  TUNNEL_DOWN: {
    exitCode: 5,
    en: {
      message: 'The tunnel to the gateway is not open ({state}). {detail}',
      remedy: 'Run "regnode netcheck" here, and look at the gateway; the agent goes on trying by itself.',
    },
    zh: {
      message: '到网关的隧道未打开（{state}）。{detail}',
      remedy: '请在此主机运行 regnode netcheck，并检查网关；agent 会自动重试。',
    },
  },
  KUBELET_UNHEALTHY: {
    exitCode: 5,
    en: {
      message: 'The kubelet does not say that it is healthy (127.0.0.1:10248).',
      remedy: 'Look at "journalctl -u kubelet"; "systemctl restart kubelet" is harmless to running pods.',
    },
    zh: {
      message: 'kubelet 未报告健康（127.0.0.1:10248）。',
      remedy: '请查看 journalctl -u kubelet；systemctl restart kubelet 不影响运行中的 Pod。',
    },
  },
  CONTAINERD_UNHEALTHY: {
    exitCode: 5,
    en: {
      message: 'containerd does not answer on {socket}.',
      remedy:
        'Look at "journalctl -u containerd"; "systemctl restart containerd" is harmless to running pods.',
    },
    zh: {
      message: 'containerd 在 {socket} 上没有应答。',
      remedy: '请查看 journalctl -u containerd；systemctl restart containerd 不影响运行中的 Pod。',
    },
  },
  NODE_ABSENT: {
    exitCode: 5,
    en: {
      message:
        'The cluster has no Node of this name: somebody has deleted it, or the kubelet has not registered.',
      remedy:
        'The agent starts the kubelet again after a minute, and then it registers. To take the host out of the cluster: regnodectl node remove NAME, or "regnode leave" here.',
    },
    zh: {
      message: '集群中没有此名称的 Node：可能已被删除，或 kubelet 尚未注册。',
      remedy:
        'agent 会在一分钟后重启 kubelet，使其重新注册。若要将主机移出集群，请执行 regnodectl node remove NAME，或在此主机执行 regnode leave。',
    },
  },
  NO_POD_RUNS: {
    exitCode: 5,
    en: {
      message:
        'None of the {assigned} pods that this node has runs, and the cluster does not see the node as Ready.',
      remedy:
        'After a boot the kubelet starts pods when it has reached the API server: run "regnode doctor" for what keeps it from there.',
    },
    zh: {
      message: '此节点的 {assigned} 个 Pod 均未运行，且集群未将其视为 Ready。',
      remedy: '主机启动后，kubelet 需连上 API server 才会启动 Pod：请运行 regnode doctor 查找原因。',
    },
  },
  SYSTEM_DISK_FULL: {
    exitCode: 5,
    en: {
      message:
        '{path} has {freeMiB} MiB left, less than {neededMiB}: logs, sockets or files of programs can not be written.',
      remedy:
        'Free some room: "du -xh -d2 {path} | sort -h"; of the journal "journalctl --vacuum-size=100M".',
    },
    zh: {
      message: '{path} 仅剩 {freeMiB} MiB（少于 {neededMiB}）：日志、套接字或程序文件将无法写入。',
      remedy: '请清理空间：du -xh -d2 {path} | sort -h；日志可用 journalctl --vacuum-size=100M 清理。',
    },
  },
  CILIUM_UNHEALTHY: {
    exitCode: 5,
    en: {
      message: "Cilium's agent does not say that it is healthy ({url}): new pods get no network.",
      remedy:
        'Look at its pod: kubectl -n regnode-cilium get pods -o wide --field-selector spec.nodeName={node}; running pods keep their network.',
    },
    zh: {
      message: 'Cilium agent 未报告健康（{url}）：新 Pod 将没有网络。',
      remedy:
        '请查看其 Pod：kubectl -n regnode-cilium get pods -o wide --field-selector spec.nodeName={node}；运行中的 Pod 网络不受影响。',
    },
  },
  CERTIFICATE_NOT_RENEWED: {
    exitCode: 5,
    en: {
      message:
        'The certificate of this node is due and could not be renewed ({detail}); it ends at {expiresAt}.',
      remedy: 'Look at the gateway and the clock of this host; the agent goes on trying by itself.',
    },
    zh: {
      message: '节点证书已到续期时间但未能续期（{detail}），将于 {expiresAt} 到期。',
      remedy: '请检查网关与主机时钟；agent 会自动重试。',
    },
  },
  DISK_FILLING: {
    exitCode: 5,
    en: {
      message:
        '{path} has {percent} % of its room left ({freeMiB} MiB); below {evictionPercent} % pods are evicted.',
      remedy:
        'Free some room: "crictl rmi --prune" takes unused images, "du -xh -d2 {path} | sort -h" finds the rest.',
    },
    zh: {
      message: '{path} 仅剩 {percent} % 空间（{freeMiB} MiB）；低于 {evictionPercent} % 时 Pod 会被驱逐。',
      remedy: '请清理空间：crictl rmi --prune 可删除未用镜像，du -xh -d2 {path} | sort -h 可找出其余占用。',
    },
  },
  INODES_FILLING: {
    exitCode: 5,
    en: {
      message: '{path} has {freeInodes} inodes left, fewer than {needed}: soon no file can be made.',
      remedy: 'Find the many small files: "du --inodes -xd2 {path} | sort -n".',
    },
    zh: {
      message: '{path} 仅剩 {freeInodes} 个 inode（少于 {needed}），即将无法创建文件。',
      remedy: '请找出大量小文件：du --inodes -xd2 {path} | sort -n。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
