// Texts of the group "runtime": containerd, and whoever else runs containers here.
import type { CheckMessages } from './shape.ts';

export const runtimeMessages = {
  FOREIGN_CONTAINERD: {
    title: { en: 'containerd', zh: 'containerd' },
    why: {
      en: 'regnode installs the containerd that the pool asks for as containerd.service. It does not replace one that is running, since its containers belong to somebody.',
      zh: 'regnode 会按节点池安装 containerd（containerd.service），不会替换正在运行的实例，因为其中的容器有所归属。',
    },
    problems: {
      active: {
        message: {
          en: 'A containerd that is not ours is running ({fragment}).',
          zh: '正在运行非 regnode 安装的 containerd（{fragment}）。',
        },
        remedy: {
          en: 'Move its containers elsewhere, then stop it.',
          zh: '请先迁移其中的容器，再停止它。',
        },
        commands: ['ctr namespaces ls', 'systemctl disable --now containerd'],
      },
      ofDocker: {
        message: {
          en: 'Docker and its containerd are running ({fragment}).',
          zh: '正在运行 Docker 及其 containerd（{fragment}）。',
        },
        remedy: {
          en: 'Move its containers elsewhere, then stop both.',
          zh: '请先迁移其中的容器，再停止两者。',
        },
        commands: ['docker ps', 'systemctl disable --now docker.socket docker containerd'],
      },
    },
  },
  OTHER_RUNTIMES: {
    title: { en: 'Other runtimes', zh: '其他容器运行时' },
    why: {
      en: 'Docker sets the policy of FORWARD to DROP and cleans up rules that are not its own; two runtimes share disk, memory and network without knowing of each other.',
      zh: 'Docker 会把 FORWARD 策略设为 DROP；两个运行时在互不知情的情况下争用磁盘、内存与网络。',
    },
    problems: {
      active: {
        message: { en: 'Another runtime is active: {runtimes}.', zh: '其他容器运行时正在运行：{runtimes}。' },
        remedy: { en: 'Stop it unless you need it.', zh: '若不需要，请停止。' },
        commands: ['systemctl disable --now {runtimes}', 'iptables -S FORWARD | head -1'],
      },
    },
  },
  CONTAINERD_CONFIGURATION: {
    title: { en: 'containerd configuration', zh: 'containerd 配置' },
    why: {
      en: "regnode writes /etc/containerd/config.toml. It keeps what stood there, and `regnode leave` puts it back. Docker's package leaves one that turns the kubelet's interface off.",
      zh: 'regnode 会写入 /etc/containerd/config.toml，并保留原文件，regnode leave 时恢复。Docker 的软件包会留下关闭 CRI 接口的配置。',
    },
    problems: {
      criDisabled: {
        message: {
          en: '{path} turns off the interface that the kubelet needs ({measured}).',
          zh: '{path} 关闭了 kubelet 所需的接口（{measured}）。',
        },
        remedy: {
          en: 'Nothing to do: regnode puts its own in its place. Without regnode: move it away.',
          zh: '无需操作：regnode 会换上自己的配置。若不使用 regnode，请移走该文件。',
        },
        commands: ['mv {path} {path}.before-regnode'],
      },
      present: {
        message: {
          en: '{path} is there already; regnode puts its own in its place, and leave puts it back.',
          zh: '{path} 已存在；regnode 会换上自己的配置，leave 时恢复。',
        },
        remedy: {
          en: 'Carry settings that you need (mirrors, proxies) over to the pool.',
          zh: '请把需要的设置（镜像站、代理）迁移到节点池。',
        },
        commands: ['cat {path}'],
      },
      dropInDisablesCri: {
        message: {
          en: 'The drop-in {path} turns off the interface that the kubelet needs ({measured}); drop-ins stay in force.',
          zh: '附加配置 {path} 关闭了 kubelet 所需的接口（{measured}）；附加配置会继续生效。',
        },
        remedy: { en: 'Take the line out, or move the file away.', zh: '请删除该行，或移走该文件。' },
        commands: ['mv {path} {path}.before-regnode'],
      },
    },
  },
  RUNTIME_LEAVINGS: {
    title: { en: 'Old images', zh: '旧镜像与容器' },
    why: {
      en: 'A containerd that starts with the images and containers of another keeps them, and they take room.',
      zh: '新的 containerd 会保留旧实例的镜像与容器，并占用空间。',
    },
    problems: {
      found: {
        message: {
          en: '{path} holds images or containers of an earlier containerd.',
          zh: '{path} 中有旧 containerd 的镜像或容器。',
        },
        remedy: { en: 'Move them away unless you need them.', zh: '若不需要，请移走。' },
        commands: ['du -sh {path}', 'mv {path} {path}.before-regnode'],
      },
    },
  },
  CNI_PLUGINS: {
    title: { en: 'CNI plugins', zh: 'CNI 插件' },
    why: {
      en: 'containerd takes the first file in /etc/cni/net.d; when its plugin is missing, no pod gets an address.',
      zh: 'containerd 使用 /etc/cni/net.d 中的第一个文件；若其插件缺失，Pod 无法获得地址。',
    },
    problems: {
      missing: {
        message: {
          en: '{path} comes first and names plugins that are not in {folder}: {missing}.',
          zh: '{path} 排在最前，但其插件不在 {folder} 中：{missing}。',
        },
        remedy: {
          en: 'Move the file away if that network is given up, or install its plugins.',
          zh: '若该网络不再使用，请移走该文件；否则请安装其插件。',
        },
        commands: ['mkdir -p /root/cni-before-regnode && mv {path} /root/cni-before-regnode/'],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
