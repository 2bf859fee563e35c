// Texts of the group "node", last part: the pods' network and the pods themselves.
import type { CheckMessages } from './shape.ts';

export const podMessages = {
  CNI_CONFIGURATION: {
    title: { en: 'Network of the pods', zh: 'Pod 网络' },
    why: {
      en: 'Without a network configuration containerd starts no pod, and the node is not Ready.',
      zh: '没有网络配置，containerd 无法启动 Pod，节点也不会就绪。',
    },
    problems: {
      none: {
        message: {
          en: 'There is no network configuration in {folder}.',
          zh: '{folder} 中没有网络配置。',
        },
        remedy: {
          en: 'The cluster’s network plugin writes it: see whether its pod runs on this node.',
          zh: '该文件由集群的网络插件写入：请检查其 Pod 是否在此节点运行。',
        },
        commands: ['ls -la {folder}', 'kubectl -n kube-system get pods -o wide'],
      },
      unreadable: {
        message: { en: '{path} is no network configuration.', zh: '{path} 不是有效的网络配置。' },
        remedy: {
          en: 'Correct it, or let the network plugin write it again.',
          zh: '请改正，或由网络插件重新写入。',
        },
        commands: ['cat {path}'],
      },
      noPlugin: {
        message: {
          en: '{path} names programs that are not in {folder}: {plugins}.',
          zh: '{path} 引用的程序不在 {folder} 中：{plugins}。',
        },
        remedy: {
          en: 'Let regnode put its own back; others come with the network plugin.',
          zh: '请让 regnode 恢复自带的插件；其余由网络插件提供。',
        },
        commands: ['ls -la {folder}', 'regnode join'],
      },
    },
  },
  NODE_READY: {
    title: { en: 'Node Ready', zh: '节点就绪' },
    why: {
      en: 'Only a node that is Ready gets pods, and keeps those that it has.',
      zh: '只有就绪的节点才会分到 Pod 并保留已有的 Pod。',
    },
    problems: {
      notReady: {
        message: { en: 'The node is not Ready ({status}): {detail}', zh: '节点未就绪（{status}）：{detail}' },
        remedy: { en: 'The kubelet’s log says more.', zh: '详情见 kubelet 日志。' },
        commands: ['journalctl -u kubelet -n 50'],
      },
      networkNotLoaded: {
        message: {
          en: 'The network configuration is there, and containerd has not taken it up: {detail}',
          zh: '网络配置已存在，但 containerd 尚未加载：{detail}',
        },
        remedy: {
          en: 'containerd looks at a file that is written, not at one that is moved there: restart it; containers run on.',
          zh: 'containerd 只响应写入的文件而非移入的文件：请重启 containerd，运行中的容器不受影响。',
        },
        commands: ['systemctl restart containerd', 'journalctl -u containerd -n 20'],
      },
      pressure: {
        message: {
          en: 'The node is Ready and under {types}: it takes no new pods for some minutes.',
          zh: '节点就绪但存在 {types}：几分钟内不接收新 Pod。',
        },
        remedy: {
          en: 'It passes by itself five minutes after there is room again.',
          zh: '空间恢复约五分钟后自动解除。',
        },
        commands: ['df -h', 'free -m'],
      },
    },
  },
  POD_IMAGES: {
    title: { en: 'Images of pods', zh: 'Pod 镜像' },
    why: {
      en: 'A pod starts when its image is on the host; the registry must be reachable from here.',
      zh: '镜像就绪后 Pod 才能启动；镜像仓库需可从此主机访问。',
    },
    problems: {
      notPulled: {
        message: {
          en: 'The image {image} of {pod} can’t be pulled ({reason}): {detail}',
          zh: '无法拉取 {pod} 的镜像 {image}（{reason}）：{detail}',
        },
        remedy: {
          en: 'Check its name and its pull secret, and that its registry can be reached from this host, by a mirror if need be.',
          zh: '请检查镜像名与拉取凭据，并确认此主机可访问镜像仓库（必要时使用镜像站）。',
        },
        commands: [
          'kubectl -n {namespace} describe pod {name}',
          '/opt/regnode/components/containerd/current/bin/ctr -n k8s.io images pull {image}',
        ],
      },
    },
  },
  POD_STATES: {
    title: { en: 'Pods', zh: 'Pod 状态' },
    why: {
      en: 'The last hop: what is bound to this node also runs on it.',
      zh: '最后一环：绑定到此节点的 Pod 应在其上运行。',
    },
    problems: {
      stuck: {
        message: {
          en: '{pod} has not started for more than two minutes ({reason}): {detail}',
          zh: '{pod} 超过两分钟仍未启动（{reason}）：{detail}',
        },
        remedy: { en: 'The kubelet’s log says what it waits for.', zh: '等待原因见 kubelet 日志。' },
        commands: ['kubectl -n {namespace} describe pod {name}', 'journalctl -u kubelet -n 50'],
      },
      failing: {
        message: {
          en: '{pod} fails by itself ({reason}); the node is not the reason.',
          zh: '{pod} 自身出错（{reason}），与节点无关。',
        },
        remedy: { en: 'Its own log says why.', zh: '原因见该 Pod 日志。' },
        commands: ['kubectl -n {namespace} logs --previous {name}'],
      },
      evicted: {
        message: {
          en: '{count} pods were evicted from this node, for example {pod}.',
          zh: '此节点上有 {count} 个 Pod 被驱逐，例如 {pod}。',
        },
        remedy: {
          en: 'Their owners start others; the dead ones may be deleted.',
          zh: '其控制器会另行创建；残留的可删除。',
        },
        commands: ['kubectl get pods -A --field-selector status.phase=Failed'],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
