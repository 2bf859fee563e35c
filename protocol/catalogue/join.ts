// What the gateway answers to a join, and what the agent says when it cannot ask.
import type { CatalogueEntry } from './entry.ts';

export const joinFaults = {
  TOKEN_INVALID: {
    exitCode: 1,
    en: {
      message: 'The join token {id} is not known to this gateway.',
      remedy: 'Copy the whole command again, or make a new token: regnodectl token create --pool POOL',
    },
    zh: {
      message: '网关不认识加入令牌 {id}。',
      remedy: '请重新复制完整命令，或新建令牌：regnodectl token create --pool POOL',
    },
  },
  TOKEN_EXPIRED: {
    exitCode: 1,
    en: {
      message: 'The join token {id} expired at {expiredAt}.',
      remedy: 'Make a new one: regnodectl token create --pool {pool}',
    },
    zh: {
      message: '加入令牌 {id} 已于 {expiredAt} 过期。',
      remedy: '请新建令牌：regnodectl token create --pool {pool}',
    },
  },
  TOKEN_USED_UP: {
    exitCode: 1,
    en: {
      message: 'The join token {id} has no uses left (it allowed {uses}).',
      remedy: 'Make a new one: regnodectl token create --pool {pool} --uses N',
    },
    zh: {
      message: '加入令牌 {id} 的使用次数（{uses} 次）已用完。',
      remedy: '请新建令牌：regnodectl token create --pool {pool} --uses N',
    },
  },
  JOIN_REPLAYED: {
    exitCode: 1,
    en: {
      message: 'The join token {id} has admitted {name} already, and this request is a copy of that one.',
      remedy:
        'Make a new token: regnodectl token create --pool POOL; on a host that was removed run "regnode leave --force" first.',
    },
    zh: {
      message: '加入令牌 {id} 已用于接纳 {name}，此请求是当时请求的重放。',
      remedy:
        '请新建令牌：regnodectl token create --pool POOL；若主机已被移除，请先执行 regnode leave --force。',
    },
  },
  POOL_NOT_FOUND: {
    exitCode: 1,
    en: {
      message: 'The node pool {pool} does not exist.',
      remedy: 'See the pools with: regnodectl pool list',
    },
    zh: { message: '节点池 {pool} 不存在。', remedy: '查看节点池：regnodectl pool list' },
  },
  POOL_FULL: {
    exitCode: 1,
    en: {
      message: 'The node pool {pool} already has its {maxNodes} nodes.',
      remedy: 'Remove a node or raise spec.maxNodes of the pool.',
    },
    zh: {
      message: '节点池 {pool} 已达到 {maxNodes} 个节点的上限。',
      remedy: '请移除节点，或调高节点池的 spec.maxNodes。',
    },
  },
  NODE_NAME_TAKEN: {
    exitCode: 1,
    en: {
      message: 'The node name {name} already belongs to another machine.',
      remedy: 'Join with another name (--name), or remove the old node: regnodectl node remove {name}',
    },
    zh: {
      message: '节点名 {name} 已属于另一台机器。',
      remedy: '请用 --name 换一个名字，或移除旧节点：regnodectl node remove {name}',
    },
  },
  NODE_NAME_RESERVED: {
    exitCode: 1,
    en: {
      message: 'No node may have the name {name}: {detail}.',
      remedy: 'Join with another name: --name NAME, one label or a name in a domain of your own.',
    },
    zh: {
      message: '节点不能使用名称 {name}：{detail}。',
      remedy: '请用 --name NAME 换一个名字：单个标签，或您自有域名下的名字。',
    },
  },
  NODE_STILL_REGISTERED: {
    exitCode: 1,
    en: {
      message: 'The node {name} is registered: its name is expelled once it was removed.',
      remedy: 'Remove it first: regnodectl node remove {name}, with --force where its host will not leave',
    },
    zh: {
      message: '节点 {name} 仍已登记：移除之后才能驱逐其名称。',
      remedy: '请先移除：regnodectl node remove {name}，若主机不会退出则加 --force',
    },
  },
  NODE_KEY_UNKNOWN: {
    exitCode: 1,
    en: {
      message: 'The node {name} is registered with another key than the one that this host has.',
      remedy:
        'If this host is to have the name: regnodectl node readmit {name}, then join again; if not, join with another name (--name).',
    },
    zh: {
      message: '节点 {name} 登记的密钥与此主机的密钥不同。',
      remedy:
        '若此主机应使用该名称：请执行 regnodectl node readmit {name} 后重新加入；否则请用 --name 换一个名字。',
    },
  },
  ADDRESS_NOT_OWNED: {
    exitCode: 1,
    en: {
      message: 'The address {address} can not be the address of this node: {detail}.',
      remedy:
        'Join over a connection that comes from the address itself, or declare the range of the hosts: regnodectl pool set {pool} --node-cidr RANGE; an address that another has is given back when that one is removed.',
    },
    zh: {
      message: '地址 {address} 不能作为此节点的地址：{detail}。',
      remedy:
        '请让加入请求直接从该地址发出，或声明主机网段：regnodectl pool set {pool} --node-cidr 网段；若地址已属他人，移除后即可使用。',
    },
  },
  TOKEN_NOT_FOR_THIS_HOST: {
    exitCode: 1,
    en: {
      message: 'The join token {id} is for {bound}, and this host has {shown}.',
      remedy:
        'Use the command on the host that it was made for, or make a new one: regnodectl token create --pool {pool}',
    },
    zh: {
      message: '加入令牌 {id} 只用于 {bound}，而此主机为 {shown}。',
      remedy: '请在令牌对应的主机上执行，或新建令牌：regnodectl token create --pool {pool}',
    },
  },
  NODE_NAME_INVALID: {
    exitCode: 2,
    en: {
      message: 'The node name "{name}" is not valid: lower-case letters, digits, "-" and ".", at most 63.',
      remedy: 'Give a valid name with --name NAME.',
    },
    zh: {
      message: '节点名“{name}”无效：只能含小写字母、数字、“-”和“.”，最长 63 个字符。',
      remedy: '请用 --name NAME 指定有效的名字。',
    },
  },
  REQUEST_MALFORMED: {
    exitCode: 1,
    en: {
      message: 'The request is malformed: {detail}.',
      remedy: 'Use an agent and a gateway of the same release.',
    },
    zh: { message: '请求格式错误：{detail}。', remedy: '请使用同一版本的 agent 与网关。' },
  },
  GATEWAY_UNREACHABLE: {
    exitCode: 5,
    en: {
      message: 'The gateway {url} cannot be reached: {detail}.',
      remedy:
        'Check the private line (Direct Connect or CCN), the route and the firewall: curl -vk {url}/healthz',
    },
    zh: {
      message: '无法连接网关 {url}：{detail}。',
      remedy: '请检查专线（Direct Connect 或 CCN）、路由与防火墙：curl -vk {url}/healthz',
    },
  },
  GATEWAY_NOT_TRUSTED: {
    exitCode: 1,
    en: {
      message: 'The certificate of the gateway {url} is not signed by the expected CA: {detail}.',
      remedy: 'Copy the join command again from regnodectl; if it stays, somebody is on the path.',
    },
    zh: {
      message: '网关 {url} 的证书不是由预期的 CA 签发：{detail}。',
      remedy: '请从 regnodectl 重新复制加入命令；若仍出现，链路上可能有人劫持。',
    },
  },
  PEER_ANSWER_UNKNOWN: {
    exitCode: 1,
    en: {
      message: 'The other side answered with a code that this version does not know: {code}.',
      remedy: 'Use an agent and a gateway of the same release.',
    },
    zh: { message: '对端返回了本版本不认识的代码：{code}。', remedy: '请使用同一版本的 agent 与网关。' },
  },
  NODE_NOT_REGISTERED: {
    exitCode: 1,
    en: {
      message: 'The node {name} is not registered with this gateway any more.',
      remedy: 'Clean the host with "regnode leave --force", then join again.',
    },
    zh: {
      message: '节点 {name} 已不在此网关登记。',
      remedy: '请先执行 regnode leave --force 清理主机，再重新加入。',
    },
  },
  NODE_NOT_READY: {
    exitCode: 5,
    en: {
      message: 'The node {name} did not become Ready within {seconds} s: {detail}.',
      remedy: 'Look at: regnode status; journalctl -u kubelet -u containerd -u regnode',
    },
    zh: {
      message: '节点 {name} 在 {seconds} 秒内未就绪：{detail}。',
      remedy: '请查看：regnode status；journalctl -u kubelet -u containerd -u regnode',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
