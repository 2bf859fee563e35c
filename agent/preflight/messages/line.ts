// Texts of the group "line", first half: the host's end of the way to the cloud.
import type { CheckMessages } from './shape.ts';

export const lineMessages = {
  RESOLVER: {
    title: { en: 'DNS servers', zh: 'DNS 服务器' },
    why: {
      en: 'Pods with dnsPolicy Default, CoreDNS among them, inherit the DNS servers of the host.',
      zh: 'dnsPolicy 为 Default 的 Pod（包括 CoreDNS）会继承主机的 DNS 服务器。',
    },
    problems: {
      absent: {
        message: {
          en: 'There is no /etc/resolv.conf ({measured}): the kubelet starts no pod that inherits it.',
          zh: '/etc/resolv.conf 不存在（{measured}）：kubelet 无法启动继承它的 Pod。',
        },
        remedy: {
          en: 'Write one with the real DNS servers; a link must lead to a file.',
          zh: '请写入真实的 DNS 服务器；若为链接，其目标必须存在。',
        },
        commands: ['ls -l /etc/resolv.conf', 'resolvectl status'],
      },
      none: {
        message: { en: '/etc/resolv.conf names no DNS server.', zh: '/etc/resolv.conf 没有 DNS 服务器。' },
        remedy: { en: 'Add one.', zh: '请添加。' },
        commands: ['echo nameserver 10.0.0.2 >> /etc/resolv.conf'],
      },
      loopback: {
        message: {
          en: 'All DNS servers are on this host ({measured}), which inside a pod is the pod itself.',
          zh: 'DNS 服务器都是本机地址（{measured}），在 Pod 内指向 Pod 自身。',
        },
        remedy: {
          en: 'Put the real servers into /etc/resolv.conf.',
          zh: '请在 /etc/resolv.conf 中写入真实的 DNS 服务器。',
        },
        commands: ['cat /etc/resolv.conf', 'resolvectl status'],
      },
      many: {
        message: {
          en: 'There are more than {most} DNS servers; pods see the first {most}.',
          zh: 'DNS 服务器超过 {most} 个，Pod 只会使用前 {most} 个。',
        },
        remedy: { en: 'Remove some.', zh: '建议精简。' },
        commands: ['cat /etc/resolv.conf'],
      },
    },
  },
  NODE_ADDRESS: {
    title: { en: 'Node address', zh: '节点地址' },
    why: {
      en: 'Other nodes and the cloud send packets for this host to the source address of its route to the gateway.',
      zh: '其他节点与云上把发往此主机的报文送到它访问网关时的源地址。',
    },
    problems: {
      unusable: {
        message: {
          en: 'The source address towards the gateway is {measured}, which means nothing to others.',
          zh: '访问网关的源地址为 {measured}，其他机器无法使用。',
        },
        remedy: { en: 'Give {device} an address of your network.', zh: '请为 {device} 配置内网地址。' },
        commands: ['ip address show dev {device}'],
      },
      public: {
        message: {
          en: 'The address of the node, {address}, is a public one.',
          zh: '节点地址 {address} 是公网地址。',
        },
        remedy: {
          en: 'Send traffic for the cloud from a private address.',
          zh: '请使用内网地址访问云上。',
        },
        commands: ['ip -brief address', 'ip route'],
      },
    },
  },
  PRIVATE_LINE: {
    title: { en: 'Private line', zh: '专线' },
    why: {
      en: 'TKE supports registered nodes over Direct Connect or CCN only. A VPN adds latency, loses packets under load and shrinks the MTU below what VXLAN needs, and is refused.',
      zh: 'TKE 注册节点只支持 Direct Connect（专线）或 CCN。VPN 延迟高、负载下丢包，并使 MTU 小于 VXLAN 所需，因此不被允许。',
    },
    problems: {
      vpn: {
        message: {
          en: 'The route to the gateway goes through a tunnel or VPN ({detail}); only Direct Connect or CCN is supported.',
          zh: '到网关的路由经过隧道或 VPN（{detail}）；仅支持 Direct Connect（专线）或 CCN。',
        },
        remedy: {
          en: 'Route the network of the VPC through the private line instead of {device}.',
          zh: '请让 VPC 网段走专线，而不是 {device}。',
        },
        commands: [
          'ip route get {address}',
          'ip -details link show {device}',
          'ip route replace {address} via LINE_ROUTER',
        ],
      },
      ipsec: {
        message: {
          en: 'An IPsec policy for {policy} takes the packets to the gateway; only Direct Connect or CCN is supported.',
          zh: '针对 {policy} 的 IPsec 策略会处理发往网关的报文；仅支持 Direct Connect（专线）或 CCN。',
        },
        remedy: {
          en: 'Take the network of the VPC out of the IPsec connection.',
          zh: '请把 VPC 网段从 IPsec 连接中移除。',
        },
        commands: ['ip xfrm policy', 'ipsec status || swanctl --list-sas'],
      },
      unknown: {
        message: {
          en: 'What kind of device {device} is cannot be told ({measured}), so nobody has checked that the line is private.',
          zh: '无法判断 {device} 的类型（{measured}），因此未能确认链路为专线。',
        },
        remedy: {
          en: 'Make sure that it is Direct Connect or CCN.',
          zh: '请确认链路为 Direct Connect 或 CCN。',
        },
        commands: ['ip -details link show {device}'],
      },
    },
  },
  LINK_STATE: {
    title: { en: 'Link', zh: '链路状态' },
    why: {
      en: 'A device without carrier sends nothing: a cable, a port of the switch, or the other end is off.',
      zh: '没有载波的网卡无法发送报文：可能是网线、交换机端口或对端关闭。',
    },
    problems: {
      down: {
        message: {
          en: 'The device {device} towards the gateway is down ({flags}).',
          zh: '通往网关的网卡 {device} 未连通（{flags}）。',
        },
        remedy: {
          en: 'Bring it up; check the cable and the port of the switch.',
          zh: '请启用网卡，并检查网线与交换机端口。',
        },
        commands: ['ip link set dev {device} up', 'ethtool {device} | grep "Link detected"'],
      },
    },
  },
  LINK_SPEED: {
    title: { en: 'Link speed', zh: '网卡速率' },
    why: {
      en: 'Images, logs and pod traffic share the line; below 100 Mbit/s a join takes many minutes.',
      zh: '镜像、日志与 Pod 流量共用链路；低于 100 Mbit/s 时加入会非常慢。',
    },
    problems: {
      slow: {
        message: {
          en: '{device} runs at {mbps} Mbit/s; {neededMbps} or more are recommended.',
          zh: '{device} 的速率为 {mbps} Mbit/s，建议至少 {neededMbps} Mbit/s。',
        },
        remedy: { en: 'Check cable, switch port and negotiation.', zh: '请检查网线、交换机端口与协商。' },
        commands: ['ethtool {device}'],
      },
    },
  },
  LINE_MTU: {
    title: { en: 'MTU', zh: 'MTU' },
    why: {
      en: 'VXLAN takes 50 bytes of each packet. With a small MTU, large packets between pods vanish while small ones pass: connections hang after the handshake.',
      zh: 'VXLAN 每个报文占用 50 字节。MTU 过小时 Pod 之间大包丢失、小包正常，表现为握手后连接卡住。',
    },
    problems: {
      small: {
        message: {
          en: 'The MTU of {device} is {mtu}; {needed} is the least.',
          zh: '{device} 的 MTU 为 {mtu}，至少需要 {needed}。',
        },
        remedy: { en: 'Set the MTU that the line carries.', zh: '请设置为链路支持的 MTU。' },
        commands: ['ip link set dev {device} mtu 1500', 'ping -M do -s 1472 -c 3 GATEWAY'],
      },
      tight: {
        message: {
          en: 'The MTU of {device} is {mtu}; pods get 50 bytes less, and {recommended} is recommended.',
          zh: '{device} 的 MTU 为 {mtu}，Pod 还要少 50 字节，建议 {recommended} 以上。',
        },
        remedy: { en: 'Set the MTU that the line carries.', zh: '请设置为链路支持的 MTU。' },
        commands: ['ip link show dev {device}', 'ping -M do -s 1472 -c 3 GATEWAY'],
      },
      unknown: {
        message: { en: 'The MTU of {device} cannot be read.', zh: '无法读取 {device} 的 MTU。' },
        remedy: { en: 'Look at it by hand.', zh: '请手动查看。' },
        commands: ['ip link show dev {device}'],
      },
    },
  },
  NETWORK_OVERLAP: {
    title: { en: 'Networks apart', zh: '网段冲突' },
    why: {
      en: 'When a network of the host lies in the range of pods or services, packets for one go to the other.',
      zh: '主机网段与 Pod 或 Service 网段重叠时，报文会送错地方。',
    },
    problems: {
      overlap: {
        message: {
          en: '{device} has {address}, which overlaps {range} of the cluster.',
          zh: '{device} 的 {address} 与集群网段 {range} 重叠。',
        },
        remedy: {
          en: 'Use another range in the cluster, or another network for the host.',
          zh: '请更换集群网段，或更换主机网段。',
        },
        commands: ['ip -brief address show dev {device}'],
      },
    },
  },
  PROXY_AGREEMENT: {
    title: { en: 'Proxy variables', zh: '代理变量' },
    why: {
      en: 'Some programs read http_proxy, some HTTP_PROXY, and services get what systemd hands them. When they differ, downloads work by hand and fail in the service.',
      zh: '有的程序读取 http_proxy，有的读取 HTTP_PROXY，服务则使用 systemd 提供的值。不一致时会出现手动可用、服务失败。',
    },
    problems: {
      differ: {
        message: {
          en: 'Two settings differ: {first} and {second}.',
          zh: '两处设置不一致：{first} 与 {second}。',
        },
        remedy: { en: 'Give both the same value, or remove one.', zh: '请统一取值，或删除其一。' },
        commands: [
          'env | grep -i _proxy',
          'grep -ri proxy /etc/environment /etc/systemd/system.conf /etc/systemd/system.conf.d',
          'systemctl show-environment',
        ],
      },
    },
  },
  PROXY_BYPASS: {
    title: { en: 'Proxy exceptions', zh: '代理例外' },
    why: {
      en: 'Connections to the gateway, to the cluster and to the host itself must not go through a proxy: it does not know the way, or hangs.',
      zh: '访问网关、集群和本机的连接不应经过代理：代理不认识路径，或会一直卡住。',
    },
    problems: {
      missing: {
        message: {
          en: 'A proxy is set, and NO_PROXY lacks: {missing}.',
          zh: '已设置代理，但 NO_PROXY 缺少：{missing}。',
        },
        remedy: { en: 'Add them to NO_PROXY and no_proxy.', zh: '请加入 NO_PROXY 与 no_proxy。' },
        commands: ['export NO_PROXY="$NO_PROXY,{list}" no_proxy="$NO_PROXY,{list}"'],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
