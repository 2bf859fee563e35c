// Texts of the group "firewall": ports and what stands before them.
import type { CheckMessages } from './shape.ts';

export const firewallMessages = {
  PORTS_FREE: {
    title: { en: 'Ports', zh: '端口占用' },
    why: {
      en: 'The kubelet listens on 10250 and 10248, kube-proxy on 10256 and 10249. They are fixed: other parts of Kubernetes look for them there.',
      zh: 'kubelet 使用 10250 与 10248，kube-proxy 使用 10256 与 10249；其他组件按这些固定端口访问。',
    },
    problems: {
      taken: {
        message: { en: 'Ports are taken: {holders}.', zh: '端口已被占用：{holders}。' },
        remedy: {
          en: 'Stop the program, or let it use another port.',
          zh: '请停止该程序，或让其使用其他端口。',
        },
        commands: ['ss -ltnp "sport = :{port}"'],
      },
    },
  },
  FIREWALLD: {
    title: { en: 'firewalld', zh: 'firewalld' },
    why: {
      en: 'firewalld rejects what it was not told about, packets between pods included, and puts its rules back at each reload. regnode never changes a firewall.',
      zh: 'firewalld 会拒绝未声明的流量（包括 Pod 之间的），并在每次重载时恢复规则。regnode 绝不修改防火墙。',
    },
    problems: {
      active: {
        message: {
          en: 'firewalld is active: NodePorts and packets between pods may be rejected.',
          zh: 'firewalld 正在运行：NodePort 与 Pod 间流量可能被拒绝。',
        },
        remedy: {
          en: 'Open the ports and let packets be forwarded, or turn firewalld off. Only a pool with --kubelet-access direct needs 10250/tcp as well.',
          zh: '请放行端口并允许转发，或关闭 firewalld。仅 --kubelet-access direct 的节点池还需放行 10250/tcp。',
        },
        commands: [
          'firewall-cmd --permanent --add-port=30000-32767/tcp --add-port=30000-32767/udp --add-masquerade && firewall-cmd --reload',
          'systemctl disable --now firewalld   # or this',
        ],
      },
      activeVxlan: {
        message: {
          en: 'firewalld is active: VXLAN (8472/udp), health checks (4240/tcp) and NodePorts may be rejected.',
          zh: 'firewalld 正在运行：VXLAN（8472/udp）、健康检查（4240/tcp）与 NodePort 可能被拒绝。',
        },
        remedy: {
          en: 'Open the ports and let packets be forwarded, or turn firewalld off. Only a pool with --kubelet-access direct needs 10250/tcp as well.',
          zh: '请放行端口并允许转发，或关闭 firewalld。仅 --kubelet-access direct 的节点池还需放行 10250/tcp。',
        },
        commands: [
          'firewall-cmd --permanent --add-port=8472/udp --add-port=4240/tcp --add-port=30000-32767/tcp --add-port=30000-32767/udp --add-masquerade && firewall-cmd --reload',
          'systemctl disable --now firewalld   # or this',
        ],
      },
    },
  },
  PACKET_FILTER: {
    title: { en: 'Packet filter', zh: '报文过滤规则' },
    why: {
      en: 'Packets of pods are forwarded by the host; packets for NodePorts and VXLAN come in. Rules that refuse everything else make pods that run and cannot be reached.',
      zh: 'Pod 的报文由主机转发，NodePort 与 VXLAN 的报文进入主机。默认拒绝的规则会导致 Pod 运行正常却无法访问。',
    },
    problems: {
      drops: {
        message: {
          en: 'The filter refuses by default in {hooks}: {rules}.',
          zh: '过滤规则在 {hooks} 默认拒绝：{rules}。',
        },
        remedy: {
          en: 'Accept forwarded packets, 8472/udp, 4240/tcp and 30000–32767 from the networks of the cluster (and the SNAT ranges of its load balancers).',
          zh: '请放行转发流量，以及来自集群网段（和负载均衡 SNAT 网段）的 8472/udp、4240/tcp 与 30000–32767。',
        },
        commands: [
          'iptables -P FORWARD ACCEPT',
          'iptables -I INPUT -p udp --dport 8472 -j ACCEPT; iptables -I INPUT -p tcp -m multiport --dports 4240,30000:32767 -j ACCEPT',
          'nft list ruleset',
        ],
      },
    },
  },
  IPTABLES_VERSION: {
    title: { en: 'iptables version', zh: 'iptables 版本' },
    why: {
      en: 'iptables 1.8.0 to 1.8.3 in nft mode does not find rules that it wrote itself: the kubelet and kube-proxy add them again and again until the node crawls.',
      zh: 'nft 模式的 iptables 1.8.0–1.8.3 无法识别自己写入的规则，kubelet 与 kube-proxy 会不断重复添加，直至节点变慢。',
    },
    problems: {
      broken183: {
        message: {
          en: 'iptables {version} in nft mode is broken for Kubernetes.',
          zh: 'nft 模式的 iptables {version} 对 Kubernetes 存在缺陷。',
        },
        remedy: { en: 'Update it, or use the legacy mode.', zh: '请升级，或改用 legacy 模式。' },
        commands: [
          'yum update -y iptables',
          'update-alternatives --set iptables /usr/sbin/iptables-legacy   # Debian',
        ],
      },
    },
  },
  SELINUX: {
    title: { en: 'SELinux', zh: 'SELinux' },
    why: {
      en: 'Programs under /opt and volumes of pods carry no labels that an enforcing policy knows, so containers fail with "permission denied". TencentOS comes with SELinux off.',
      zh: '/opt 下的程序与 Pod 卷没有强制策略认识的标签，容器会报 “permission denied”。TencentOS 默认关闭 SELinux。',
    },
    problems: {
      enforcing: {
        message: { en: 'SELinux is enforcing.', zh: 'SELinux 处于 enforcing 模式。' },
        remedy: {
          en: 'Set it to permissive, or install container-selinux and label the folders.',
          zh: '请设为 permissive，或安装 container-selinux 并设置目录标签。',
        },
        commands: ['setenforce 0', "sed -i.bak 's/^SELINUX=.*/SELINUX=permissive/' /etc/selinux/config"],
      },
      nextBoot: {
        message: {
          en: 'SELinux is permissive now and will be enforcing after the next boot.',
          zh: 'SELinux 当前为 permissive，但下次启动后将变为 enforcing。',
        },
        remedy: { en: 'Set it to permissive for good.', zh: '请永久设为 permissive。' },
        commands: ["sed -i.bak 's/^SELINUX=.*/SELINUX=permissive/' /etc/selinux/config"],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
