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
