// Texts of the group "line", second half: the gateway as this host sees it.
import type { CheckMessages } from './shape.ts';

export const gatewayMessages = {
  GATEWAY_NAME: {
    title: { en: 'Gateway name', zh: '网关域名' },
    why: {
      en: 'The agent dials the gateway by the name in its URL, for years; the name must resolve on this host.',
      zh: 'agent 长期按 URL 中的名字连接网关，该名字必须能在此主机上解析。',
    },
    problems: {
      url: {
        message: { en: '"{url}" is not an https URL.', zh: '“{url}”不是 https 地址。' },
        remedy: {
          en: 'Copy the join command again; the URL looks like https://10.0.0.10.',
          zh: '请重新复制加入命令；地址形如 https://10.0.0.10。',
        },
        commands: ['regnode preflight --gateway https://10.0.0.10'],
      },
      unresolved: {
        message: { en: 'The name {name} cannot be resolved: {detail}.', zh: '无法解析 {name}：{detail}。' },
        remedy: {
          en: 'Use a DNS server that knows it (the one of the VPC), or put it into /etc/hosts.',
          zh: '请使用能解析它的 DNS（VPC 内的 DNS），或写入 /etc/hosts。',
        },
        commands: ['getent hosts {name}', 'cat /etc/resolv.conf', 'echo "10.0.0.10 {name}" >> /etc/hosts'],
      },
    },
  },
  GATEWAY_ADDRESS: {
    title: { en: 'Gateway address', zh: '网关地址' },
    why: {
      en: 'Registered nodes reach the cloud by Direct Connect or CCN, where addresses are private ones. A public address means the internet.',
      zh: '注册节点通过 Direct Connect（专线）或 CCN 访问云上，地址应为内网地址；公网地址意味着走互联网。',
    },
    problems: {
      public: {
        message: {
          en: 'The gateway has the public address {address}.',
          zh: '网关地址 {address} 是公网地址。',
        },
        remedy: {
          en: "Use the gateway's address inside the VPC, reached by Direct Connect or CCN.",
          zh: '请使用网关在 VPC 内的地址，经 Direct Connect 或 CCN 访问。',
        },
        commands: ['regnode preflight --gateway https://VPC_ADDRESS', 'ip route get {address}'],
      },
      ownHost: {
        message: {
          en: 'The address {address} of the gateway means this host itself.',
          zh: '网关地址 {address} 指向本机。',
        },
        remedy: {
          en: "Use the gateway's address inside the VPC; look at /etc/hosts.",
          zh: '请使用网关在 VPC 内的地址，并检查 /etc/hosts。',
        },
        commands: ['cat /etc/hosts'],
      },
    },
  },
  GATEWAY_ROUTE: {
    title: { en: 'Route to the gateway', zh: '到网关的路由' },
    why: {
      en: 'Everything between host and cloud takes this route; the node is known by its source address.',
      zh: '主机与云之间的所有流量都走这条路由；节点以其源地址为准。',
    },
    problems: {
      none: {
        message: { en: 'There is no route to {gateway}.', zh: '没有到 {gateway} 的路由。' },
        remedy: {
          en: 'Add one through the router of the private line.',
          zh: '请添加经专线路由器的路由。',
        },
        commands: ['ip route get {gateway}', 'ip route add VPC_CIDR via LINE_ROUTER'],
      },
    },
  },
  GATEWAY_CONNECTION: {
    title: { en: 'Connection to the gateway', zh: '连接网关' },
    why: {
      en: 'The agent keeps one TCP connection to this port; it is opened from the host, so no port has to be opened towards it.',
      zh: 'agent 与该端口保持一条 TCP 连接，由主机发起，无需向主机开放端口。',
    },
    problems: {
      refused: {
        message: { en: '{where} cannot be reached: {detail}.', zh: '无法连接 {where}：{detail}。' },
        remedy: {
          en: 'Check the private line, the security group of the gateway (port {port}) and the firewall on the way.',
          zh: '请检查专线、网关安全组（端口 {port}）与沿途防火墙。',
        },
        commands: [
          'curl -vk --max-time 5 https://{where}/healthz',
          'ip route get {address}',
          'traceroute -T -p {port} {address}',
        ],
      },
      slow: {
        message: {
          en: 'A connection to {where} took {milliseconds} ms; more than {slowMs} makes a node sluggish.',
          zh: '连接 {where} 用了 {milliseconds} 毫秒，超过 {slowMs} 毫秒会使节点迟缓。',
        },
        remedy: { en: 'Ask who runs the line.', zh: '请联系专线运营方。' },
        commands: ['ping -c 20 {address}'],
      },
    },
  },
  GATEWAY_CERTIFICATE: {
    title: { en: 'Gateway certificate', zh: '网关证书' },
    why: {
      en: 'With the CA of the join command the host knows that it talks to the gateway and to nobody on the way.',
      zh: '凭加入命令中的 CA，主机可确认对端是网关，而非链路上的其他人。',
    },
    problems: {
      distrusted: {
        message: {
          en: 'The certificate of {url} is not to be trusted: {detail}.',
          zh: '{url} 的证书不可信：{detail}。',
        },
        remedy: {
          en: 'Copy the join command again. If it stays, something on the way answers for the gateway: ask who runs the network.',
          zh: '请重新复制加入命令。若仍如此，说明链路上有设备代替网关应答，请联系网络管理员。',
        },
        commands: ['curl -vk {url}/cacert'],
      },
      noTls: {
        message: { en: '{url} does not answer over TLS: {detail}.', zh: '{url} 没有 TLS 应答：{detail}。' },
        remedy: {
          en: 'Check that the gateway runs, and that no middlebox cuts TLS off.',
          zh: '请检查网关是否运行，以及中间设备是否阻断 TLS。',
        },
        commands: ['curl -vk --max-time 5 {url}/healthz'],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
