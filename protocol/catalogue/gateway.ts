// The cloud side: regnode-gateway and regnodectl.
import type { CatalogueEntry } from './entry.ts';

export const gatewayFaults = {
  KUBERNETES_UNREACHABLE: {
    exitCode: 5,
    en: {
      message: 'The Kubernetes API server cannot be asked: {detail}.',
      remedy: 'Check --kubeconfig and the API server.',
    },
    zh: {
      message: '无法访问 Kubernetes API server：{detail}。',
      remedy: '请检查 --kubeconfig 与 API server。',
    },
  },
  KUBERNETES_REFUSED: {
    exitCode: 1,
    en: {
      message: 'The Kubernetes API server refused {request}: {detail}',
      remedy: 'Check what the user of --kubeconfig may do; "regnode-gateway setup" grants what is needed.',
    },
    zh: {
      message: 'Kubernetes API server 拒绝了 {request}：{detail}',
      remedy: '请检查 --kubeconfig 中用户的权限；regnode-gateway setup 会授予所需权限。',
    },
  },
  KUBECONFIG_INVALID: {
    exitCode: 2,
    en: {
      message: 'The kubeconfig {path} cannot be used: {detail}.',
      remedy: 'Give a file that works with kubectl: --kubeconfig FILE.',
    },
    zh: {
      message: 'kubeconfig {path} 无法使用：{detail}。',
      remedy: '请提供 kubectl 可用的文件：--kubeconfig FILE。',
    },
  },
  NOT_SET_UP: {
    exitCode: 2,
    en: {
      message: 'This cluster is not set up for regnode: {missing} is missing.',
      remedy: 'Run once as a cluster administrator: regnode-gateway setup --kubeconfig ADMIN',
    },
    zh: {
      message: '此集群尚未为 regnode 初始化：缺少 {missing}。',
      remedy: '请用集群管理员身份运行一次：regnode-gateway setup --kubeconfig ADMIN',
    },
  },
  SETUP_OUTDATED: {
    exitCode: 2,
    en: {
      message: 'This cluster was set up by an older release: {definition} lacks {missing}.',
      remedy:
        'Run as a cluster administrator, with the regnode-gateway of this release: regnode-gateway setup --kubeconfig ADMIN',
    },
    zh: {
      message: '此集群由较旧的版本初始化：{definition} 缺少 {missing}。',
      remedy: '请用集群管理员身份，以此版本的 regnode-gateway 运行：regnode-gateway setup --kubeconfig ADMIN',
    },
  },
  PORT_TAKEN: {
    exitCode: 2,
    en: {
      message: 'The address {address} cannot be listened on: {detail}.',
      remedy: 'Stop what uses it, or choose another with {flag}.',
    },
    zh: {
      message: '无法监听 {address}：{detail}。',
      remedy: '请停止占用它的程序，或用 {flag} 换一个地址。',
    },
  },
  REPLICA_NAME_TAKEN: {
    exitCode: 2,
    en: {
      message: 'Another gateway process has taken the name {name}, so this one ends.',
      remedy: 'Give each replica a name of its own: --name NAME.',
    },
    zh: {
      message: '另一个网关进程占用了名称 {name}，本进程退出。',
      remedy: '请为每个副本指定不同的名称：--name NAME。',
    },
  },
  USAGE: {
    exitCode: 2,
    en: { message: '{detail}', remedy: 'See --help.' },
    zh: { message: '参数错误：{detail}', remedy: '请查看 --help。' },
  },
  GATEWAY_UNAVAILABLE: {
    exitCode: 5,
    en: {
      message: 'The gateway cannot answer now: {detail}.',
      remedy: 'Wait a little and run the command again.',
    },
    zh: { message: '网关暂时无法处理：{detail}。', remedy: '请稍后重试。' },
  },
  GATEWAY_NOT_PERMITTED: {
    exitCode: 2,
    en: {
      message: 'The gateway has not the rights in its cluster that it needs for this: it may not {right}.',
      remedy:
        'Have a cluster administrator run "regnode-gateway setup" of the release that the gateway runs, then run the command again.',
    },
    zh: {
      message: '网关在其集群中缺少所需权限：不能 {right}。',
      remedy: '请集群管理员用网关当前版本运行一次 "regnode-gateway setup"，然后重新执行本命令。',
    },
  },
  GATEWAY_URL_UNKNOWN: {
    exitCode: 2,
    en: {
      message: 'The address of the gateway is not known in this cluster.',
      remedy: 'Start "regnode-gateway serve" once with --public-url.',
    },
    zh: {
      message: '此集群中没有网关地址的记录。',
      remedy: '请先用 --public-url 启动一次 regnode-gateway serve。',
    },
  },
  INSTALLER_UNKNOWN: {
    exitCode: 1,
    en: {
      message: 'No signed install.sh is known that a join command could name: {detail}.',
      remedy:
        'Sign the artifact store again ("regnode-gateway bundle sign" puts install.sh into it), and let the gateway run with it.',
    },
    zh: {
      message: '没有可供加入命令引用的已签名 install.sh：{detail}。',
      remedy: '请重新签名制品库（regnode-gateway bundle sign 会加入 install.sh），并让网关使用它。',
    },
  },
  PATH_UNKNOWN: {
    exitCode: 1,
    en: {
      message: 'The gateway has nothing at {method} {path}.',
      remedy: 'Use an agent and a gateway of the same release.',
    },
    zh: { message: '网关没有 {method} {path}。', remedy: '请使用同一版本的 agent 与网关。' },
  },
  REQUEST_TOO_LARGE: {
    exitCode: 1,
    en: {
      message: 'The request is larger than {limitBytes} bytes.',
      remedy: 'Use an agent and a gateway of the same release.',
    },
    zh: { message: '请求超过 {limitBytes} 字节。', remedy: '请使用同一版本的 agent 与网关。' },
  },
  TOO_MANY_REQUESTS: {
    exitCode: 4,
    en: {
      message: 'Too many requests came from {address}.',
      remedy: 'Wait {seconds} s, then try again; a host that joins needs a valid join command.',
    },
    zh: {
      message: '来自 {address} 的请求过多。',
      remedy: '请等待 {seconds} 秒后重试；加入主机需要有效的加入命令。',
    },
  },
  CERTIFICATE_REFUSED: {
    exitCode: 1,
    en: {
      message: 'The client certificate is refused: {detail}.',
      remedy: 'If the node was removed: "regnode leave --force" on the host, then join again.',
    },
    zh: {
      message: '客户端证书被拒绝：{detail}。',
      remedy: '若节点已被移除：请在主机上执行 regnode leave --force，再重新加入。',
    },
  },
  CSR_REFUSED: {
    exitCode: 1,
    en: {
      message: 'The certificate request is refused: {detail}.',
      remedy: 'Use an agent and a gateway of the same release.',
    },
    zh: { message: '证书请求被拒绝：{detail}。', remedy: '请使用同一版本的 agent 与网关。' },
  },
  NODE_IN_OTHER_POOL: {
    exitCode: 1,
    en: {
      message: 'This machine is already the node {name} of the pool {pool}.',
      remedy: 'Use a token of that pool, or remove the node first: regnodectl node remove {name}',
    },
    zh: {
      message: '此机器已是节点池 {pool} 的节点 {name}。',
      remedy: '请使用该节点池的令牌，或先移除节点：regnodectl node remove {name}',
    },
  },
  NODE_CONNECTED: {
    exitCode: 1,
    en: {
      message: 'The node {name} is connected at this moment, so it cannot be joined a second time.',
      remedy: 'Run "regnode leave" on the host first; after a crash wait 30 s.',
    },
    zh: {
      message: '节点 {name} 当前在线，不能重复加入。',
      remedy: '请先在主机上执行 regnode leave；若刚崩溃请等待 30 秒。',
    },
  },
  NODE_LEAVING: {
    exitCode: 4,
    en: { message: 'The node {name} is being removed.', remedy: 'Wait until it is gone, then join again.' },
    zh: { message: '节点 {name} 正在移除。', remedy: '请等待移除完成后再加入。' },
  },
  NODE_NOT_FOUND: {
    exitCode: 1,
    en: {
      message: 'There is no registered node {name}.',
      remedy: 'See the nodes with: regnodectl node list',
    },
    zh: { message: '没有已登记的节点 {name}。', remedy: '查看节点：regnodectl node list' },
  },
  NODE_UNREACHABLE: {
    exitCode: 5,
    en: {
      message: 'The node {name} did not leave within {seconds} s: {detail}.',
      remedy:
        'Its host cleans itself when it is back; to forget it now: regnodectl node remove {name} --force',
    },
    zh: {
      message: '节点 {name} 未能在 {seconds} 秒内退出：{detail}。',
      remedy: '主机恢复后会自行清理；若要立即移除：regnodectl node remove {name} --force',
    },
  },
  DRAIN_INCOMPLETE: {
    exitCode: 5,
    en: {
      message: '{count} pod(s) of the node {name} could not be moved away: {pods}.',
      remedy:
        'Nothing was changed but that the node may be cordoned. Look at what is named, their PodDisruptionBudgets above all, and run it again. On a host: regnode leave --drain-timeout 30m waits longer, --no-drain or --force ends these pods all the same. From the cloud: --timeout, and --force for pods without a controller.',
    },
    zh: {
      message: '节点 {name} 上有 {count} 个 Pod 未能迁走：{pods}。',
      remedy:
        '除节点可能已停止调度外未做任何更改。请检查所列原因（尤其是 PodDisruptionBudget）后重试。在主机上：regnode leave --drain-timeout 30m 可延长等待，--no-drain 或 --force 会直接终止这些 Pod。在云端：--timeout；没有控制器的 Pod 用 --force。',
    },
  },
  POOL_EXISTS: {
    exitCode: 1,
    en: {
      message: 'The node pool {pool} already exists, with other settings: {differences}.',
      remedy:
        'Choose another name, or change it with: regnodectl pool set {pool} (kubectl edit nodepool {pool})',
    },
    zh: {
      message: '节点池 {pool} 已存在，且设置不同：{differences}。',
      remedy: '请换一个名字，或修改它：regnodectl pool set {pool}（kubectl edit nodepool {pool}）',
    },
  },
  POOL_IN_USE: {
    exitCode: 1,
    en: {
      message: 'The node pool {pool} still has {count} node(s).',
      remedy: 'Remove them first: regnodectl node remove --pool {pool}',
    },
    zh: {
      message: '节点池 {pool} 仍有 {count} 个节点。',
      remedy: '请先移除它们：regnodectl node remove --pool {pool}',
    },
  },
  POOL_INVALID: {
    exitCode: 2,
    en: {
      message: 'The node pool {pool} is not valid: {detail}.',
      remedy: 'Correct it with: kubectl edit nodepool {pool}',
    },
    zh: { message: '节点池 {pool} 无效：{detail}。', remedy: '请修改它：kubectl edit nodepool {pool}' },
  },
  VERSION_INCOMPATIBLE: {
    exitCode: 2,
    en: {
      message: '{component} {version} does not go with this host or its kubelet: {reason} (rule {rule}).',
      remedy:
        'Choose another version in the node pool, or a pool that fits the host; the rules: regnode explain CILIUM_KERNEL, CGROUP_VERSION, KERNEL_VERSION.',
    },
    zh: {
      message: '{component} {version} 与此主机或其 kubelet 不兼容：{reason}（规则 {rule}）。',
      remedy:
        '请在节点池中选择其他版本，或选择适合此主机的节点池；规则见 regnode explain CILIUM_KERNEL、CGROUP_VERSION、KERNEL_VERSION。',
    },
  },
  BUNDLE_INVALID: {
    exitCode: 2,
    en: {
      message: '{path}: {detail}.',
      remedy:
        'The folder holds COMPONENT/VERSION/ARCHITECTURE/… (see "regnode-gateway bundle build --help").',
    },
    zh: {
      message: '制品目录 {path}：{detail}。',
      remedy: '目录结构应为 COMPONENT/VERSION/ARCHITECTURE/…（见 regnode-gateway bundle build --help）。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
