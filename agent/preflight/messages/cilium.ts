// Texts of the group "cilium": only for pools whose network is Cilium.
import type { CheckMessages } from './shape.ts';

export const ciliumMessages = {
  CILIUM_KERNEL: {
    title: { en: 'Kernel for Cilium', zh: 'Cilium 内核要求' },
    why: {
      en: 'Kernel 5.4 carries Cilium up to 1.17, 5.10 (or RHEL 8.10) later ones; below 4.19.57 there is none. regnode chooses the version by the kernel.',
      zh: '5.4 内核最高支持 Cilium 1.17，5.10（或 RHEL 8.10）支持更新版本；低于 4.19.57 不支持。regnode 会按内核选择版本。',
    },
    problems: {
      tooOld: {
        message: { en: 'The kernel {release} carries no Cilium.', zh: '内核 {release} 不支持 Cilium。' },
        remedy: {
          en: 'Install the TK4 kernel (5.4), or join a pool whose network is "external".',
          zh: '请安装 TK4 内核（5.4），或加入网络模式为 external 的节点池。',
        },
        commands: ['uname -r'],
      },
    },
  },
  CILIUM_FEATURES: {
    title: { en: 'Features for Cilium', zh: 'Cilium 内核特性' },
    why: {
      en: 'Cilium’s data path is BPF programs on the hooks of traffic control and control groups, with VXLAN between nodes.',
      zh: 'Cilium 的数据面是挂在流量控制与 cgroup 上的 BPF 程序，节点之间使用 VXLAN。',
    },
    problems: {
      missing: {
        message: { en: 'The kernel was built without: {options}.', zh: '内核缺少特性：{options}。' },
        remedy: { en: "Use the distribution's own kernel.", zh: '请使用发行版自带的内核。' },
        commands: ['zcat /proc/config.gz | grep -E "BPF|NET_CLS|VXLAN"'],
      },
      useful: {
        message: {
          en: 'The kernel was built without: {options}. Some functions of Cilium (L7 policies, ipset) will be missing.',
          zh: '内核缺少特性：{options}，Cilium 的部分功能（L7 策略、ipset）不可用。',
        },
        remedy: { en: 'Nothing to do unless you need them.', zh: '若不需要，则无需操作。' },
        commands: ['zcat /proc/config.gz | grep -E "XT_|IP_SET"'],
      },
      unknown: {
        message: {
          en: 'The configuration of the kernel is nowhere to be found.',
          zh: '找不到内核的编译配置。',
        },
        remedy: {
          en: 'Put it there, or go on if the kernel is a common one.',
          zh: '请补充该文件；若为常见内核可继续。',
        },
        commands: ['ls /proc/config.gz /boot/config-$(uname -r)'],
      },
    },
  },
  BPF_FILE_SYSTEM: {
    title: { en: 'BPF file system', zh: 'BPF 文件系统' },
    why: {
      en: 'Cilium keeps its maps there; without it every restart of its agent breaks connections.',
      zh: 'Cilium 的映射表保存在此；缺少它时，每次重启 agent 都会中断连接。',
    },
    problems: {
      unmounted: {
        message: { en: 'No BPF file system is mounted at {path}.', zh: '{path} 没有挂载 BPF 文件系统。' },
        remedy: {
          en: 'Nothing to do: regnode mounts it when it joins, now and at every boot. By hand:',
          zh: '无需操作：加入时 regnode 会挂载，并在每次开机时挂载。手动方式：',
        },
        commands: ['mount -t bpf bpf {path}', 'echo "bpf {path} bpf defaults 0 0" >> /etc/fstab'],
      },
    },
  },
  CILIUM_PORTS: {
    title: { en: "Cilium's ports", zh: 'Cilium 端口' },
    why: {
      en: 'VXLAN uses 8472/udp, health checks 4240/tcp between nodes; the others serve metrics and probes on the host.',
      zh: 'VXLAN 使用 8472/udp，节点间健康检查使用 4240/tcp；其余用于本机指标与探测。',
    },
    problems: {
      taken: {
        message: { en: 'Ports of Cilium are taken: {holders}.', zh: 'Cilium 端口已被占用：{holders}。' },
        remedy: {
          en: 'Stop the program, or remove the other VXLAN device.',
          zh: '请停止该程序，或移除其他 VXLAN 设备。',
        },
        commands: ['ss -lntup', 'ip -details link show type vxlan'],
      },
    },
  },
  OTHER_CNI: {
    title: { en: 'Other networks', zh: '其他 CNI' },
    why: {
      en: 'The kubelet takes the first file in /etc/cni/net.d; what flannel or Calico left there wins over Cilium.',
      zh: 'kubelet 使用 /etc/cni/net.d 中的第一个文件；flannel 或 Calico 的残留会优先于 Cilium。',
    },
    problems: {
      files: {
        message: {
          en: 'Another network left its configuration: {paths}.',
          zh: '存在其他 CNI 的配置：{paths}。',
        },
        remedy: {
          en: 'Nothing to do if that network is given up: regnode moves it away when it joins, and leave puts it back.',
          zh: '若该网络不再使用，则无需操作：加入时 regnode 会将其移走，leave 时恢复。',
        },
        commands: ['mkdir -p /root/cni-before-regnode && mv {paths} /root/cni-before-regnode/'],
      },
      devices: {
        message: {
          en: 'Another network left devices: {devices}.',
          zh: '存在其他 CNI 的网络设备：{devices}。',
        },
        remedy: { en: 'Delete them, or reboot.', zh: '请删除，或重启主机。' },
        commands: ['ip link delete {device}'],
      },
    },
  },
  REVERSE_PATH_FILTER: {
    title: { en: 'Reverse path filter', zh: '反向路径过滤' },
    why: {
      en: 'With the strict filter the kernel drops packets that came in on another device than it would answer on: those of pods.',
      zh: '严格模式下，内核会丢弃来路与回路设备不同的报文，即 Pod 的报文。',
    },
    problems: {
      strict: {
        message: {
          en: 'The reverse path filter is strict ({measured}).',
          zh: '反向路径过滤为严格模式（{measured}）。',
        },
        remedy: {
          en: 'Nothing to do: regnode turns it off when it joins, and leave turns it on again. By hand:',
          zh: '无需操作：加入时 regnode 会关闭，leave 时恢复。手动方式：',
        },
        commands: [
          'sysctl -w net.ipv4.conf.all.rp_filter=0',
          'echo net.ipv4.conf.all.rp_filter=0 > /etc/sysctl.d/99-zz-rp-filter.conf',
        ],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
