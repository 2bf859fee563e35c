// Texts of the group "identity": who this host is, and whether it belongs to somebody else.
import type { CheckMessages } from './shape.ts';

export const identityMessages = {
  ROOT_USER: {
    title: { en: 'Root', zh: 'root 权限' },
    why: {
      en: 'Joining writes systemd units, mounts and network configuration, and several checks read files that only root may read.',
      zh: '加入过程需要写入 systemd 单元、挂载点与网络配置，部分检查也只有 root 才能读取。',
    },
    problems: {
      notRoot: {
        message: { en: 'regnode runs as uid {uid}, not as root.', zh: '当前以 uid {uid} 运行，不是 root。' },
        remedy: { en: 'Run it with sudo.', zh: '请使用 sudo 运行。' },
        commands: ['sudo regnode preflight'],
      },
    },
  },
  ARCHITECTURE: {
    title: { en: 'Architecture', zh: 'CPU 架构' },
    why: {
      en: 'containerd, runc, kubelet and regnode itself are delivered for x86_64 and aarch64.',
      zh: 'containerd、runc、kubelet 与 regnode 只提供 x86_64 和 aarch64 版本。',
    },
    problems: {
      unsupported: {
        message: {
          en: 'There are no binaries for the architecture {machine}.',
          zh: '没有适用于 {machine} 架构的程序。',
        },
        remedy: { en: 'Use a host with an x86_64 or aarch64 CPU.', zh: '请使用 x86_64 或 aarch64 主机。' },
        commands: ['uname -m'],
      },
    },
  },
  SYSTEMD: {
    title: { en: 'systemd', zh: 'systemd' },
    why: {
      en: 'kubelet, containerd and the agent run as systemd units, which restarts them and starts them at boot.',
      zh: 'kubelet、containerd 与 agent 都以 systemd 单元运行，由它负责重启和开机启动。',
    },
    problems: {
      notRunning: {
        message: {
          en: 'systemd is not running: process 1 is {init}.',
          zh: 'systemd 未运行：1 号进程是 {init}。',
        },
        remedy: {
          en: 'Boot the host with systemd; in a container, start the container with systemd as its init.',
          zh: '请以 systemd 启动主机；若在容器中，请让容器以 systemd 作为 init。',
        },
        commands: ['ps -p 1 -o comm=', 'ls -d /run/systemd/system'],
      },
    },
  },
  NODE_NAME: {
    title: { en: 'Node name', zh: '节点名' },
    why: {
      en: 'The name becomes the name of the Node object, the subject of its certificates and a label value: lower-case letters, digits, "-" and ".", at most 63, and different from every other node.',
      zh: '节点名会成为 Node 对象名、证书主题与标签值：小写字母、数字、“-”和“.”，最长 63 个字符，且不能与其他节点相同。',
    },
    problems: {
      invalid: {
        message: { en: '{measured} is not a valid node name.', zh: '{measured} 不是有效的节点名。' },
        remedy: {
          en: 'Give another one with --name, or rename the host.',
          zh: '请用 --name 指定，或修改主机名。',
        },
        commands: ['regnode join --name idc-1 …', 'hostnamectl set-hostname idc-1'],
      },
      localhost: {
        message: { en: 'The host still has the name {name}.', zh: '主机名仍为 {name}。' },
        remedy: {
          en: 'Give the host a name of its own, or use --name.',
          zh: '请为主机设置独立的名字，或使用 --name。',
        },
        commands: ['hostnamectl set-hostname idc-1'],
      },
      digits: {
        message: {
          en: 'The name {name} has digits only, which is taken for a number in configuration files.',
          zh: '名字 {name} 全是数字，会在配置文件里被当作数值。',
        },
        remedy: { en: 'Put a letter into it, or use --name.', zh: '请在名字中加入字母，或使用 --name。' },
        commands: ['hostnamectl set-hostname idc-{name}'],
      },
    },
  },
  MACHINE_ID: {
    title: { en: 'Machine id', zh: '机器 ID' },
    why: {
      en: 'The machine id tells two hosts under one name apart, so that a second machine cannot take over a node. It also names the journal and DHCP client.',
      zh: '机器 ID 用来区分同名的两台主机，防止另一台机器冒用节点；日志与 DHCP 也使用它。',
    },
    problems: {
      missing: {
        message: { en: '/etc/machine-id is missing or empty.', zh: '/etc/machine-id 不存在或为空。' },
        remedy: {
          en: 'Make one; it stays for the life of the host.',
          zh: '请生成一个；它在主机生命周期内不变。',
        },
        commands: ['systemd-machine-id-setup', 'cat /etc/machine-id'],
      },
      malformed: {
        message: { en: '/etc/machine-id holds {measured}.', zh: '/etc/machine-id 的内容是 {measured}。' },
        remedy: {
          en: 'Make a new one (hosts cloned from one image need this as well), then reboot.',
          zh: '请重新生成（由同一镜像克隆的主机也需要），然后重启。',
        },
        commands: ['rm /etc/machine-id', 'systemd-machine-id-setup'],
      },
    },
  },
  OPERATING_SYSTEM: {
    title: { en: 'Operating system', zh: '操作系统' },
    why: {
      en: 'TKE supports registered nodes on TencentOS Server 3.1 and 2.4 with the TK4 kernel. Plain 2.4 has kernel 4.14 under the same name. Others may work, without that support.',
      zh: 'TKE 注册节点支持 TencentOS Server 3.1 与 2.4（TK4 内核）。普通 2.4 名称相同但内核为 4.14。其他系统或许可用，但不在支持范围内。',
    },
    problems: {
      plain24: {
        message: {
          en: '{name} has the kernel {kernel}: this is plain 2.4, not 2.4 (TK4).',
          zh: '{name} 的内核是 {kernel}：这是普通 2.4，不是 2.4（TK4）。',
        },
        remedy: {
          en: 'Install the TK4 kernel (5.4.119-19 or newer) and reboot, or reinstall with TencentOS Server 3.1.',
          zh: '请安装 TK4 内核（5.4.119-19 或更新）并重启，或重装为 TencentOS Server 3.1。',
        },
        commands: ['uname -r', 'yum list available --showduplicates kernel'],
      },
      tooOld: {
        message: {
          en: '{name} is too old for a node.',
          zh: '{name} 过旧，不能作为节点。',
        },
        remedy: {
          en: 'Reinstall the host with TencentOS Server 3.1.',
          zh: '请将主机重装为 TencentOS Server 3.1。',
        },
        commands: ['cat /etc/os-release'],
      },
      unlisted: {
        message: {
          en: '{name} is not among the systems that TKE supports for registered nodes. regnode tries its best with it.',
          zh: '{name} 不在 TKE 注册节点支持的系统之列，regnode 会尽力而为。',
        },
        remedy: {
          en: 'For production use TencentOS Server 3.1; else go on.',
          zh: '生产环境请使用 TencentOS Server 3.1；否则可继续。',
        },
        commands: ['cat /etc/os-release'],
      },
      unknown: {
        message: { en: 'There is no /etc/os-release.', zh: '没有 /etc/os-release。' },
        remedy: { en: 'Check what this host was installed with.', zh: '请确认此主机安装的系统。' },
        commands: ['cat /etc/os-release /etc/*-release'],
      },
    },
  },
  KUBERNETES_VERSION: {
    title: { en: 'Kubernetes version', zh: 'Kubernetes 版本' },
    why: {
      en: 'The pool sets the version of the kubelet. Registered nodes exist from 1.18 on.',
      zh: 'kubelet 的版本由节点池决定；注册节点要求 1.18 及以上。',
    },
    problems: {
      tooOld: {
        message: {
          en: 'Kubernetes {version} is older than {oldest}.',
          zh: 'Kubernetes {version} 低于 {oldest}。',
        },
        remedy: { en: 'Upgrade the cluster, then the pool.', zh: '请先升级集群，再升级节点池。' },
        commands: ['kubectl version', 'kubectl get nodepools'],
      },
      untried: {
        message: {
          en: 'Kubernetes {version} is newer than what regnode was tried with (below {untried}).',
          zh: 'Kubernetes {version} 高于 regnode 验证过的版本（低于 {untried}）。',
        },
        remedy: { en: 'Look for a newer regnode; else go on.', zh: '请查看是否有新版 regnode；否则可继续。' },
        commands: ['regnode version'],
      },
    },
  },
  CLUSTER_LEFTOVERS: {
    title: { en: 'Leftovers of a cluster', zh: '其他集群的残留' },
    why: {
      en: 'Certificates, static pods and a kubelet of another cluster mix with the new ones: the node answers to the wrong cluster, or `kubectl logs` fails for weeks. regnode never deletes what is not its own.',
      zh: '其他集群的证书、静态 Pod 和 kubelet 会与新配置混杂：节点响应错误的集群，或 kubectl logs 长期失败。regnode 绝不删除不属于自己的内容。',
    },
    problems: {
      running: {
        message: {
          en: 'This host is running for another cluster: {found}.',
          zh: '此主机正在为其他集群服务：{found}。',
        },
        remedy: {
          en: 'Drain and remove it there, stop the services, then move the files away.',
          zh: '请先在原集群排空并移除此节点，停止服务，再移走文件。',
        },
        commands: [
          'systemctl disable --now {units}',
          'kubeadm reset   # when it was made with kubeadm',
          'mv /etc/kubernetes /etc/kubernetes.before-regnode; mv /var/lib/kubelet /var/lib/kubelet.before-regnode',
        ],
      },
      files: {
        message: {
          en: 'Files of another cluster are left: {found}.',
          zh: '存在其他集群的残留文件：{found}。',
        },
        remedy: {
          en: 'Make sure that nothing uses them, then move them away.',
          zh: '请确认无人使用后移走这些文件。',
        },
        commands: [
          'kubeadm reset   # when it was made with kubeadm',
          'mv /etc/kubernetes /etc/kubernetes.before-regnode; mv /var/lib/kubelet /var/lib/kubelet.before-regnode',
        ],
      },
    },
  },
  CAPABILITIES: {
    title: { en: 'Capabilities', zh: 'Linux 权能' },
    why: {
      en: 'Mounts and networks of pods need CAP_SYS_ADMIN and CAP_NET_ADMIN. Without CAP_SYS_RESOURCE no process can be made less likely to be killed when memory runs out, which containerd wants by default.',
      zh: 'Pod 的挂载与网络需要 CAP_SYS_ADMIN 与 CAP_NET_ADMIN。缺少 CAP_SYS_RESOURCE 时无法调低 oom_score_adj，而 containerd 默认需要。',
    },
    problems: {
      missing: {
        message: { en: 'Root lacks {missing} here.', zh: '此处的 root 缺少 {missing}。' },
        remedy: {
          en: 'Run on the host itself; in a container give it all capabilities (systemd-nspawn: --capability=all).',
          zh: '请直接在主机上运行；若在容器中，请授予全部权能（systemd-nspawn：--capability=all）。',
        },
        commands: ['grep CapEff /proc/self/status', 'capsh --print'],
      },
      noResource: {
        message: {
          en: 'Root lacks {missing} here; regnode tells containerd to leave oom_score_adj as it is (restrict_oom_score_adj).',
          zh: '此处的 root 缺少 {missing}；regnode 会让 containerd 不调低 oom_score_adj（restrict_oom_score_adj）。',
        },
        remedy: {
          en: 'Nothing to do; on a host of your own, start it with all capabilities.',
          zh: '无需操作；若为自有主机，建议授予全部权能。',
        },
        commands: ['grep CapEff /proc/self/status'],
      },
      unknown: {
        message: { en: 'The capabilities of this process cannot be read.', zh: '无法读取本进程的权能。' },
        remedy: { en: 'Check that /proc is mounted.', zh: '请检查 /proc 是否已挂载。' },
        commands: ['mount -t proc proc /proc'],
      },
    },
  },
  HOST_TOOLS: {
    title: { en: 'Programs', zh: '系统命令' },
    why: {
      en: 'The kubelet and the network plugins call these by name: mount, umount, ip and nsenter always; iptables and conntrack for services, ethtool, socat and tc for some plugins.',
      zh: 'kubelet 与网络插件会调用这些命令：mount、umount、ip、nsenter 必不可少；iptables、conntrack 用于 Service，ethtool、socat、tc 用于部分插件。',
    },
    problems: {
      missing: {
        message: { en: 'These programs are missing: {tools}.', zh: '缺少命令：{tools}。' },
        remedy: { en: 'Install them.', zh: '请安装。' },
        commands: [
          'yum install -y util-linux iproute iptables conntrack-tools',
          'apt-get install -y util-linux mount iproute2 iptables conntrack   # Debian, Ubuntu',
        ],
      },
      recommended: {
        message: {
          en: 'These programs are missing: {tools}. Some network plugins and services need them.',
          zh: '缺少命令：{tools}，部分网络插件与 Service 需要它们。',
        },
        remedy: { en: 'Install them.', zh: '建议安装。' },
        commands: [
          'yum install -y iptables conntrack-tools ethtool socat iproute-tc',
          'apt-get install -y iptables conntrack ethtool socat iproute2   # Debian, Ubuntu',
        ],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
