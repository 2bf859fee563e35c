// Texts of the group "kernel": version, features, control groups, settings.
import type { CheckMessages } from './shape.ts';

export const kernelMessages = {
  KERNEL_VERSION: {
    title: { en: 'Kernel version', zh: '内核版本' },
    why: {
      en: 'Kubernetes is tried with kernels 5.4, 5.10, 5.15 and 6; older ones lose features or fail in odd ways under load.',
      zh: 'Kubernetes 在 5.4、5.10、5.15 及 6 以上内核上验证；更旧的内核缺少特性，或在高负载下出现异常。',
    },
    problems: {
      tooOld: {
        message: { en: 'The kernel {release} is older than {needed}.', zh: '内核 {release} 低于 {needed}。' },
        remedy: {
          en: 'Install a newer kernel and reboot (on TencentOS: the TK4 kernel).',
          zh: '请安装更新的内核并重启（TencentOS 请使用 TK4 内核）。',
        },
        commands: ['uname -r', 'yum list available --showduplicates kernel'],
      },
      old: {
        message: {
          en: 'The kernel {release} is older than {recommended}, the oldest that Kubernetes is tried with.',
          zh: '内核 {release} 低于 Kubernetes 验证过的最低版本 {recommended}。',
        },
        remedy: { en: 'Plan for a newer kernel; joining works.', zh: '可以加入；建议规划升级内核。' },
        commands: ['uname -r'],
      },
    },
  },
  KERNEL_FEATURES: {
    title: { en: 'Kernel features', zh: '内核特性' },
    why: {
      en: 'Namespaces, control groups, netfilter matches and the like, read from the configuration that the kernel was built with.',
      zh: '命名空间、控制组、netfilter 匹配等特性，取自内核的编译配置。',
    },
    problems: {
      missing: {
        message: { en: 'The kernel was built without: {options}.', zh: '内核缺少特性：{options}。' },
        remedy: { en: "Use the distribution's own kernel.", zh: '请使用发行版自带的内核。' },
        commands: ['uname -r', 'zcat /proc/config.gz | grep -E "NAMESPACES|CGROUP|NETFILTER_XT"'],
      },
      useful: {
        message: {
          en: 'The kernel was built without: {options}. Some functions of pods will be missing.',
          zh: '内核缺少特性：{options}，Pod 的部分功能将不可用。',
        },
        remedy: { en: 'Nothing to do unless you need them.', zh: '若不需要这些特性，则无需操作。' },
        commands: ['zcat /proc/config.gz | less'],
      },
      unknown: {
        message: {
          en: 'The configuration of the kernel {release} is nowhere to be found.',
          zh: '找不到内核 {release} 的编译配置。',
        },
        remedy: {
          en: 'Put it there, or go on if the kernel is a common one.',
          zh: '请补充该文件；若为常见内核可继续。',
        },
        commands: ['ls /proc/config.gz /boot/config-$(uname -r) /lib/modules/$(uname -r)/config'],
      },
    },
  },
  OVERLAY_FILE_SYSTEM: {
    title: { en: 'overlayfs', zh: 'overlayfs' },
    why: {
      en: 'containerd stacks the layers of an image with overlayfs; without it every container copies its whole image.',
      zh: 'containerd 用 overlayfs 叠加镜像层；没有它，每个容器都要复制整个镜像。',
    },
    problems: {
      missing: {
        message: { en: 'The kernel has no overlayfs.', zh: '内核不支持 overlayfs。' },
        remedy: { en: "Use the distribution's own kernel.", zh: '请使用发行版自带的内核。' },
        commands: ['grep overlay /proc/filesystems', 'modprobe overlay'],
      },
      unknown: {
        message: {
          en: 'Whether the kernel has overlayfs cannot be told.',
          zh: '无法判断内核是否支持 overlayfs。',
        },
        remedy: { en: 'Load it and look again.', zh: '请加载模块后重试。' },
        commands: ['modprobe overlay && grep overlay /proc/filesystems'],
      },
    },
  },
  CGROUP_VERSION: {
    title: { en: 'Control groups', zh: 'cgroup 版本' },
    why: {
      en: 'The limits of pods are control groups. Kubelets from 1.35 on refuse version 1 unless the configuration says failCgroupV1: false, and will drop it later.',
      zh: 'Pod 的资源限制依赖 cgroup。1.35 起 kubelet 默认拒绝 v1，需配置 failCgroupV1: false，并将在以后移除支持。',
    },
    problems: {
      none: {
        message: { en: 'No control groups are mounted.', zh: '没有挂载 cgroup。' },
        remedy: { en: 'Boot with systemd, which mounts them.', zh: '请以 systemd 启动，由它挂载。' },
        commands: ['mount | grep cgroup'],
      },
      v1: {
        message: {
          en: 'The host has cgroup v1 and Kubernetes {kubernetesVersion} prefers v2: regnode writes failCgroupV1: false.',
          zh: '主机使用 cgroup v1，而 Kubernetes {kubernetesVersion} 要求 v2：regnode 会写入 failCgroupV1: false。',
        },
        remedy: {
          en: 'Nothing to do now; plan to boot with cgroup v2.',
          zh: '现在无需操作；建议规划切换到 cgroup v2。',
        },
        commands: ['grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1 && reboot'],
      },
      v2Early: {
        message: {
          en: 'The host has cgroup v2, which the kubelet of Kubernetes {kubernetesVersion} does not know.',
          zh: '主机使用 cgroup v2，而 Kubernetes {kubernetesVersion} 的 kubelet 不支持。',
        },
        remedy: {
          en: 'Boot with cgroup v1, or choose Kubernetes 1.19 or later.',
          zh: '请以 cgroup v1 启动，或使用 Kubernetes 1.19 及以上。',
        },
        commands: ['grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=0 && reboot'],
      },
      v2Kernel: {
        message: {
          en: 'The host has cgroup v2 with kernel {kernel}; Kubernetes asks for 5.8 then.',
          zh: '主机使用 cgroup v2，内核为 {kernel}；此时 Kubernetes 要求 5.8 及以上。',
        },
        remedy: {
          en: 'Boot with cgroup v1, or plan for a newer kernel; joining works.',
          zh: '建议以 cgroup v1 启动或升级内核；可以加入。',
        },
        commands: ['uname -r', 'grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=0'],
      },
      v2Systemd: {
        message: {
          en: 'The host has cgroup v2 with systemd {systemd}, which cannot hand the cpuset controller on: pods cannot be bound to cores.',
          zh: '主机使用 cgroup v2，但 systemd {systemd} 无法委派 cpuset 控制器，Pod 无法绑核。',
        },
        remedy: {
          en: 'Boot with cgroup v1, or plan for systemd 244 or later; joining works.',
          zh: '建议以 cgroup v1 启动或升级 systemd 至 244；可以加入。',
        },
        commands: ['systemctl --version'],
      },
    },
  },
  CGROUP_CONTROLLERS: {
    title: { en: 'Controllers', zh: 'cgroup 控制器' },
    why: {
      en: 'The kubelet does not start when one of them is missing; pids and memory are often turned off on the kernel command line.',
      zh: '缺少任何一个控制器 kubelet 都无法启动；pids 与 memory 常被内核启动参数关闭。',
    },
    problems: {
      missing: {
        message: {
          en: 'These controllers (cgroup {version}) are off or not mounted: {controllers}.',
          zh: '以下控制器（cgroup {version}）未启用或未挂载：{controllers}。',
        },
        remedy: {
          en: 'Take cgroup_disable=… off the kernel command line and reboot.',
          zh: '请从内核启动参数中去掉 cgroup_disable=… 并重启。',
        },
        commands: [
          'cat /proc/cgroups; cat /proc/cmdline',
          'grubby --update-kernel=ALL --remove-args=cgroup_disable=memory',
        ],
      },
    },
  },
  SYSCTL_CONFLICTS: {
    title: { en: 'Kernel settings', zh: '内核参数冲突' },
    why: {
      en: 'regnode and the kubelet set forwarding and the like when they join. A file that sets the opposite wins at the next boot, and pods lose their network then.',
      zh: 'regnode 与 kubelet 在加入时会设置转发等参数。若有文件设置了相反的值，下次开机后 Pod 将失去网络。',
    },
    problems: {
      contrary: {
        message: {
          en: 'Files set the opposite of what a node needs at the next boot: {settings}.',
          zh: '有文件会在下次开机时设置相反的值：{settings}。',
        },
        remedy: { en: 'Take the line out of the file.', zh: '请从文件中删除该行。' },
        commands: ["sed -i.bak '/^ *{name} *=/d' {file}"],
      },
    },
  },
  BRIDGE_NETFILTER: {
    title: { en: 'Bridge netfilter', zh: '网桥 netfilter' },
    why: {
      en: 'Without it packets between two pods of one host bypass iptables, and services do not answer there.',
      zh: '缺少它时，同一主机上 Pod 之间的报文会绕过 iptables，Service 无法访问。',
    },
    problems: {
      missing: {
        message: {
          en: 'The kernel was built without BRIDGE_NETFILTER.',
          zh: '内核未编译 BRIDGE_NETFILTER。',
        },
        remedy: {
          en: "Use the distribution's own kernel, or a pool with Cilium.",
          zh: '请使用发行版自带的内核，或使用 Cilium 的节点池。',
        },
        commands: ['modprobe br_netfilter && sysctl net.bridge.bridge-nf-call-iptables'],
      },
      unknown: {
        message: {
          en: 'Whether the kernel has bridge netfilter cannot be told.',
          zh: '无法判断内核是否支持网桥 netfilter。',
        },
        remedy: { en: 'Load it and look again.', zh: '请加载模块后重试。' },
        commands: ['modprobe br_netfilter && sysctl net.bridge.bridge-nf-call-iptables'],
      },
    },
  },
  INOTIFY_LIMITS: {
    title: { en: 'inotify', zh: 'inotify 限制' },
    why: {
      en: 'When the limit is reached, `kubectl logs -f` says "too many open files" and the kubelet misses changes of files.',
      zh: '达到上限时 kubectl logs -f 会报 “too many open files”，kubelet 也会漏掉文件变化。',
    },
    problems: {
      low: {
        message: { en: 'The limits of inotify are low: {measured}.', zh: 'inotify 限制偏低：{measured}。' },
        remedy: {
          en: 'regnode raises them when it joins; to raise them now:',
          zh: 'regnode 加入时会调高；也可现在调高：',
        },
        commands: [
          "printf 'fs.inotify.max_user_instances=8192\\nfs.inotify.max_user_watches=524288\\n' > /etc/sysctl.d/90-inotify.conf",
          'sysctl -p /etc/sysctl.d/90-inotify.conf',
        ],
      },
    },
  },
  PRIVILEGED_PORTS: {
    title: { en: 'Ports of root', zh: '特权端口' },
    why: {
      en: 'The kubelet of a pool with apiServerAccess tunnel reaches the API server by 127.0.0.1:294. Nobody but root is to listen there.',
      zh: '在 apiServerAccess 为 tunnel 的节点池中，kubelet 通过 127.0.0.1:294 访问 API server；除 root 外，任何用户都不应能监听该端口。',
    },
    problems: {
      open: {
        message: {
          en: 'Any user of the host can listen on ports from {first} on.',
          zh: '主机上的任何用户都可监听 {first} 及以上的端口。',
        },
        remedy: { en: 'Keep the ports below 1024 for root.', zh: '请将 1024 以下的端口保留给 root。' },
        commands: [
          'echo net.ipv4.ip_unprivileged_port_start=1024 > /etc/sysctl.d/90-root-ports.conf',
          'sysctl -p /etc/sysctl.d/90-root-ports.conf',
        ],
      },
    },
  },
  PORT_RANGE: {
    title: { en: 'Local port range', zh: '本地端口范围' },
    why: {
      en: 'NodePorts are 30000–32767. An outgoing connection that holds one of them takes the service away for its life.',
      zh: 'NodePort 使用 30000–32767；若被外连占用，对应 Service 在此期间不可用。',
    },
    problems: {
      overlap: {
        message: {
          en: 'Outgoing connections use {first}–{last}, which overlaps the NodePorts.',
          zh: '外连端口范围 {first}–{last} 与 NodePort 重叠。',
        },
        remedy: { en: 'Reserve the NodePorts.', zh: '请保留 NodePort 端口。' },
        commands: [
          'echo net.ipv4.ip_local_reserved_ports=30000-32767 > /etc/sysctl.d/90-node-ports.conf',
          'sysctl -p /etc/sysctl.d/90-node-ports.conf',
        ],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
