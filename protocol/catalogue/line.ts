// The private line: what netcheck and the node's health find, and what stands in the way of measuring it.
import type { CatalogueEntry } from './entry.ts';

/** Found on the line; rows of agent/health/table.ts. */
export const lineHealthFaults = {
  LINE_UNREACHABLE: {
    exitCode: 5,
    en: {
      message: 'The gateway does not answer: {detail}.',
      remedy: 'Run "regnode netcheck" to see at which hop it ends: route, DNS, proxy, TCP or TLS.',
    },
    zh: {
      message: '网关没有应答：{detail}。',
      remedy: '请运行 regnode netcheck，查看中断在哪一跳：路由、DNS、代理、TCP 或 TLS。',
    },
  },
  LINE_SLOW: {
    exitCode: 5,
    en: {
      message: 'A round trip on the private line takes {milliseconds} ms; its pool allows {allowed} ms.',
      remedy:
        'Ask the provider of the line about its load and its way; logs and exec will be slow until then.',
    },
    zh: {
      message: '专线往返需 {milliseconds} 毫秒，节点池允许 {allowed} 毫秒。',
      remedy: '请向专线服务商查询负载与路径；在此之前日志与 exec 会较慢。',
    },
  },
  LINE_JITTERY: {
    exitCode: 5,
    en: {
      message: 'Round trips on the private line differ by {milliseconds} ms; its pool allows {allowed} ms.',
      remedy: 'Look for a full link: bulk transfers without a limit fill the queues of routers.',
    },
    zh: {
      message: '专线往返抖动 {milliseconds} 毫秒，节点池允许 {allowed} 毫秒。',
      remedy: '请检查链路是否占满：不限速的大流量传输会填满路由器队列。',
    },
  },
  LINE_LOSSY: {
    exitCode: 5,
    en: {
      message:
        'The private line loses {percent} % of packets ({lost} of {sent}); its pool allows {allowed} %.',
      remedy:
        'Look at the error counters of ports ("ethtool -S", the switch), then ask the provider of the line.',
    },
    zh: {
      message: '专线丢包 {percent} %（{sent} 个中丢失 {lost} 个），节点池允许 {allowed} %。',
      remedy: '请查看端口错误计数（ethtool -S、交换机），再联系专线服务商。',
    },
  },
  LINE_VXLAN_TOO_LARGE: {
    exitCode: 5,
    en: {
      message:
        'VXLAN does not fit: the path takes {pathMtuBytes} bytes, pods send up to {podMtuBytes} and VXLAN adds 50 ({neededBytes}).',
      remedy:
        'Raise the MTU on the way, or lower that of {device} to {pathMtuBytes} ("ip link set {device} mtu {pathMtuBytes}") and restart the CNI.',
    },
    zh: {
      message:
        'VXLAN 放不下：路径 MTU 为 {pathMtuBytes} 字节，Pod 最大发送 {podMtuBytes} 字节，VXLAN 再加 50（共 {neededBytes}）。',
      remedy:
        '请提高沿途 MTU，或将 {device} 的 MTU 降为 {pathMtuBytes}（ip link set {device} mtu {pathMtuBytes}）并重启 CNI。',
    },
  },
  LINE_UDP_BLOCKED: {
    exitCode: 5,
    en: {
      message: 'UDP {port} to the gateway brings no answer ({sent} packets). VXLAN needs it.',
      remedy:
        'Let UDP {port} pass both ways: firewall of this host, security group, devices between. A gateway behind a load balancer for TCP alone wants "serve --probe-listen off".',
    },
    zh: {
      message: '到网关的 UDP {port} 没有应答（发送 {sent} 个包）。VXLAN 需要此端口。',
      remedy:
        '请在主机防火墙、安全组及沿途设备上双向放行 UDP {port}。若网关位于仅支持 TCP 的负载均衡之后，请以 serve --probe-listen off 启动网关。',
    },
  },
  LINE_UDP_INBOUND_BLOCKED: {
    exitCode: 5,
    en: {
      message:
        'UDP {port} from the gateway does not arrive here, though answers do. VXLAN from other nodes will not either.',
      remedy: 'Let UDP {port} in: the firewall of this host ("iptables -nL INPUT"), the devices between.',
    },
    zh: {
      message: '网关主动发来的 UDP {port} 无法到达本机（应答可以到达）。其他节点的 VXLAN 也将无法到达。',
      remedy: '请放行入方向 UDP {port}：主机防火墙（iptables -nL INPUT）及沿途设备。',
    },
  },
  LINE_THROUGHPUT_LOW: {
    exitCode: 5,
    en: {
      message: 'The private line carries about {mbps} Mbit/s {direction}; its pool asks for {needed} Mbit/s.',
      remedy: 'Look at the bandwidth that was bought and at what else uses it now.',
    },
    zh: {
      message: '专线{direction}约 {mbps} Mbit/s，节点池要求 {needed} Mbit/s。',
      remedy: '请核对购买的带宽，以及当前占用带宽的其他流量。',
    },
  },
  CLOCK_SKEWED: {
    exitCode: 5,
    en: {
      message:
        'The clock of this host is {milliseconds} ms off the gateway’s (± {uncertaintyMs} ms); its pool allows {allowed} ms.',
      remedy: 'Keep it with chrony: "systemctl enable --now chronyd && chronyc makestep".',
    },
    zh: {
      message:
        '主机时钟与网关相差 {milliseconds} 毫秒（± {uncertaintyMs} 毫秒），节点池允许 {allowed} 毫秒。',
      remedy: '请用 chrony 保持同步：systemctl enable --now chronyd && chronyc makestep。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;

export const lineFaults = {
  ...lineHealthFaults,
  LINE_TICKET_REFUSED: {
    exitCode: 1,
    en: {
      message: 'The gateway knows no line session of {address}.',
      remedy: 'Run the command again; when it stays, two gateways behind one address have different CAs.',
    },
    zh: {
      message: '网关上没有 {address} 的专线测量会话。',
      remedy: '请重试；若仍如此，说明同一地址后的多个网关使用了不同的 CA。',
    },
  },
  LINE_TRANSFER_TIMED_OUT: {
    exitCode: 4,
    en: {
      message: 'The transfer with {address} did not end within {seconds} s.',
      remedy: 'Measure fewer bytes: the line is slower than the transfer needs, or one end stopped.',
    },
    zh: {
      message: '与 {address} 的传输未能在 {seconds} 秒内结束。',
      remedy: '请减少测量字节数：专线速度低于传输所需，或有一端已停止。',
    },
  },
  LINE_BUSY: {
    exitCode: 4,
    en: {
      message: 'The gateway does not measure with {address} for now: too much was asked.',
      remedy: 'Wait {seconds} s, then try again.',
    },
    zh: { message: '网关暂不与 {address} 进行测量：请求过多。', remedy: '请等待 {seconds} 秒后重试。' },
  },
} as const satisfies Record<string, CatalogueEntry>;
