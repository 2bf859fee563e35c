// The tunnel: what ends a session or refuses a stream.
import type { CatalogueEntry } from './entry.ts';

export const tunnelFaults = {
  TUNNEL_FRAME_INVALID: {
    exitCode: 1,
    en: {
      message: 'The peer broke the tunnel protocol: {detail}.',
      remedy: 'Use an agent and a gateway of the same release.',
    },
    zh: { message: '对端违反隧道协议：{detail}。', remedy: '请使用同一版本的 agent 与网关。' },
  },
  TUNNEL_CONNECT_FAILED: {
    exitCode: 5,
    en: {
      message: 'No tunnel to {url}: {detail}.',
      remedy:
        'Check the private line, the gateway and a proxy on the way (regnode preflight); the agent keeps trying.',
    },
    zh: {
      message: '无法建立到 {url} 的隧道：{detail}。',
      remedy: '请检查专线、网关以及途中的代理（regnode preflight）；agent 会持续重试。',
    },
  },
  TUNNEL_REFUSED: {
    exitCode: 1,
    en: {
      message: 'The gateway {url} refused the tunnel with status {status}: {detail}.',
      remedy: 'Look at the node with regnodectl node get; if it was removed, join again with a new token.',
    },
    zh: {
      message: '网关 {url} 以状态 {status} 拒绝了隧道：{detail}。',
      remedy: '请用 regnodectl node get 查看该节点；若已被移除，请用新令牌重新加入。',
    },
  },
  IDENTITY_IN_USE: {
    exitCode: 1,
    en: {
      message: 'Another host is connected as the node {name} and keeps it: {holder}.',
      remedy:
        'Two hosts have the key of this node; one was copied from the other. On the copy: regnode leave (the node stays with the other host), rm /etc/machine-id, systemd-machine-id-setup, then join under a name of its own. If this is the right host, end the other one: this one gets in within a minute.',
    },
    zh: {
      message: '另一台主机正以节点 {name} 的身份连接并保留该身份：{holder}。',
      remedy:
        '有两台主机持有该节点的密钥，其中一台是另一台的副本。请在副本上执行 regnode leave（节点仍归另一台主机）、rm /etc/machine-id、systemd-machine-id-setup，然后用自己的名称加入。若此主机才是正确的主机，请停掉另一台：此主机会在一分钟内接入。',
    },
  },
  HARDWARE_DIFFERS: {
    exitCode: 1,
    en: {
      message: 'The node {name} was registered by a machine with other hardware: {detail}.',
      remedy:
        'If it is the same host after a repair or a move: regnodectl node readmit {name}. If it is a copy: on this host regnode leave (where it has joined), rm /etc/machine-id, systemd-machine-id-setup, then join under a name of its own (--name).',
    },
    zh: {
      message: '节点 {name} 由硬件不同的机器注册：{detail}。',
      remedy:
        '若是维修或迁移后的同一主机：regnodectl node readmit {name}。若是副本：在此主机执行 regnode leave（若已加入）、rm /etc/machine-id、systemd-machine-id-setup，然后用 --name 以自己的名称加入。',
    },
  },
  TUNNEL_NODE_NOT_CONNECTED: {
    exitCode: 5,
    en: {
      message: 'Node {node} has no tunnel to this gateway.',
      remedy: 'Check that regnode.service runs on the node and reaches the gateway (regnode status).',
    },
    zh: {
      message: '节点 {node} 与本网关之间没有隧道。',
      remedy: '请确认该节点上的 regnode.service 正在运行且能访问网关（regnode status）。',
    },
  },
  REPLICA_UNREACHABLE: {
    exitCode: 5,
    en: {
      message: 'The gateway replica {replica} cannot be reached: {detail}.',
      remedy:
        'Replicas must reach each other at --replica-address; kubectl get leases -n regnode-system shows them.',
    },
    zh: {
      message: '无法连接网关副本 {replica}：{detail}。',
      remedy: '各副本必须能通过 --replica-address 互相访问；可用 kubectl get leases -n regnode-system 查看。',
    },
  },
  TUNNEL_TARGET_UNKNOWN: {
    exitCode: 1,
    en: {
      message: '{target} is no registered node, and this gateway does not dial it directly.',
      remedy: 'Register the node, or allow the address for direct dialling.',
    },
    zh: {
      message: '{target} 不是已注册节点，网关也不允许直接连接它。',
      remedy: '请注册该节点，或将该地址加入直连范围。',
    },
  },
  TUNNEL_TARGET_FORBIDDEN: {
    exitCode: 1,
    en: {
      message: '{target} is not dialled: {detail}.',
      remedy:
        'Nothing in the cluster should be at such an address: look at the Node, the Service or the webhook that names it.',
    },
    zh: {
      message: '不连接 {target}：{detail}。',
      remedy: '集群中的对象不应使用此类地址：请检查指向它的 Node、Service 或 webhook。',
    },
  },
  TUNNEL_PORT_REFUSED: {
    exitCode: 1,
    en: {
      message:
        '{target} is no way to the node {node}: only the port of its kubelet, {port}, and ports that a pod in the network of the host declares lead into its tunnel.',
      remedy: 'Name the port in the pod (containers[].ports), or reach the host over the private line.',
    },
    zh: {
      message:
        '{target} 无法到达节点 {node}：只有其 kubelet 端口 {port} 以及使用主机网络的 Pod 所声明的端口通过隧道。',
      remedy: '请在 Pod 的 containers[].ports 中声明该端口，或通过专线访问该主机。',
    },
  },
  TUNNEL_TARGET_REFUSED: {
    exitCode: 1,
    en: {
      message: 'The agent reaches its kubelet and its own pods, and {target} is neither.',
      remedy:
        'If that pod runs on the node, its agent is of a release that reaches the kubelet alone: upgrade the agent of its pool.',
    },
    zh: {
      message: 'agent 只连接其 kubelet 和本节点的 Pod，{target} 两者都不是。',
      remedy: '如果该 Pod 运行在此节点上，说明其 agent 版本只支持 kubelet：请升级节点池的 agent。',
    },
  },
  TUNNEL_API_SERVER_REFUSED: {
    exitCode: 1,
    en: {
      message: 'The gateway opens no way to {target} for node {node} of pool {pool}.',
      remedy:
        'Only the target api-server exists, for pools with apiServerAccess: tunnel (regnodectl pool get).',
    },
    zh: {
      message: '网关不为节点池 {pool} 的节点 {node} 打开到 {target} 的通道。',
      remedy: '只有目标 api-server，且仅用于 apiServerAccess 为 tunnel 的节点池（regnodectl pool get）。',
    },
  },
  TUNNEL_TARGET_UNREACHABLE: {
    exitCode: 5,
    en: {
      message: 'No connection to {target}: {detail}.',
      remedy:
        'Check that the service runs and listens (the kubelet: systemctl status kubelet on the node; the API server: from the gateway).',
    },
    zh: {
      message: '无法连接到 {target}：{detail}。',
      remedy:
        '请确认该服务正在运行并监听（kubelet：在节点上执行 systemctl status kubelet；API server：从网关检查）。',
    },
  },
  API_SERVER_LISTENER_FAILED: {
    exitCode: 5,
    en: {
      message: 'The agent cannot listen on {address} for the kubelet: {detail}.',
      remedy: 'Free the port (ss -ltnp names its owner); the agent keeps trying.',
    },
    zh: {
      message: 'agent 无法在 {address} 上为 kubelet 监听：{detail}。',
      remedy: '请释放该端口（ss -ltnp 可查看占用者）；agent 会持续重试。',
    },
  },
  TUNNEL_OPEN_TIMED_OUT: {
    exitCode: 5,
    en: {
      message: 'No answer within {milliseconds} ms to a stream to {target}.',
      remedy: 'The tunnel may just be reconnecting; try again, then look at regnode status on the node.',
    },
    zh: {
      message: '到 {target} 的流在 {milliseconds} 毫秒内没有应答。',
      remedy: '隧道可能正在重连；请重试，然后在节点上查看 regnode status。',
    },
  },
  TUNNEL_STREAM_LIMIT: {
    exitCode: 4,
    en: {
      message: 'The tunnel already carries {limit} streams.',
      remedy: 'Wait for streams to end; many idle kubectl logs -f or exec sessions are the usual cause.',
    },
    zh: {
      message: '隧道已承载 {limit} 个流。',
      remedy: '请等待部分流结束；常见原因是大量空闲的 kubectl logs -f 或 exec 会话。',
    },
  },
  TUNNEL_STREAM_RATE: {
    exitCode: 4,
    en: {
      message:
        'Node {node} opens more than {limit} streams to the API server in a minute; the next in {seconds} s.',
      remedy:
        'Look on the node for what connects to 127.0.0.1:294 again and again; a kubelet keeps its connections for hours.',
    },
    zh: {
      message: '节点 {node} 每分钟打开到 API server 的流超过 {limit} 个；{seconds} 秒后才可再打开。',
      remedy: '请在该节点上查找是什么在反复连接 127.0.0.1:294；kubelet 的连接通常保持数小时。',
    },
  },
  TUNNEL_STREAM_RESET: {
    exitCode: 1,
    en: {
      message: 'The stream was reset: {detail}.',
      remedy: 'Try again; the audit records of both ends say which side ended it.',
    },
    zh: { message: '流被重置：{detail}。', remedy: '请重试；两端的审计记录会说明是哪一侧结束了它。' },
  },
  TUNNEL_SESSION_ENDED: {
    exitCode: 5,
    en: {
      message: 'The tunnel session ended: {detail}.',
      remedy: 'Try again when the tunnel is back; its streams could not be carried over.',
    },
    zh: { message: '隧道会话已结束：{detail}。', remedy: '请在隧道恢复后重试；其上的流无法延续。' },
  },
} as const satisfies Record<string, CatalogueEntry>;
