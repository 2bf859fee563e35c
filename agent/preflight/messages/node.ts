// Texts of the group "node", first half: what the doctor asks about this node, its gateway and its cluster.
import type { CheckMessages } from './shape.ts';

export const nodeMessages = {
  NODE_DISK: {
    title: { en: 'Room on disks', zh: '磁盘剩余空间' },
    why: {
      en: 'Images, pods and logs are written all the time. The kubelet evicts pods when little is left; when nothing is, nothing starts.',
      zh: '镜像、Pod 与日志会持续写盘。空间不足时 kubelet 会驱逐 Pod，写满后什么都无法启动。',
    },
    problems: {
      full: {
        message: {
          en: 'The disk under {path} is full: {percent} % ({freeMiB} MiB) is left, {least} % is the least.',
          zh: '{path} 所在磁盘已满：仅剩 {percent} %（{freeMiB} MiB），至少需要 {least} %。',
        },
        remedy: {
          en: 'See what takes the room, remove it or mount a larger disk.',
          zh: '请查看占用并清理，或挂载更大的磁盘。',
        },
        commands: [
          'df -h {path}',
          'du -xh --max-depth=2 {path} | sort -h | tail -15',
          'journalctl --vacuum-size=200M',
        ],
      },
      low: {
        message: {
          en: 'Little room is left under {path}: {percent} % ({freeMiB} MiB).',
          zh: '{path} 剩余空间较少：{percent} %（{freeMiB} MiB）。',
        },
        remedy: {
          en: 'Make room before the kubelet evicts pods.',
          zh: '请在 kubelet 驱逐 Pod 之前清理空间。',
        },
        commands: ['df -h {path}', 'du -xh --max-depth=2 {path} | sort -h | tail -15'],
      },
    },
  },
  NODE_CERTIFICATE: {
    title: { en: 'Certificate of the node', zh: '节点证书' },
    why: {
      en: 'The gateway knows this node by its certificate and nothing else. It is renewed by itself at two thirds of its life.',
      zh: '网关只凭证书识别此节点；证书在有效期过去三分之二时自动续期。',
    },
    problems: {
      missing: {
        message: { en: 'A part of the identity of this node is missing.', zh: '节点身份文件不完整。' },
        remedy: {
          en: 'Take the host out with --force and join it again.',
          zh: '请用 --force 退出后重新加入。',
        },
        commands: ['ls -l /var/lib/regnode/identity', 'regnode leave --force'],
      },
      damaged: {
        message: {
          en: 'The certificate of this node is damaged: {detail}.',
          zh: '节点证书已损坏：{detail}。',
        },
        remedy: {
          en: 'Take the host out with --force and join it again.',
          zh: '请用 --force 退出后重新加入。',
        },
        commands: ['ls -l /var/lib/regnode/identity', 'regnode leave --force'],
      },
      otherAuthority: {
        message: {
          en: 'The certificate of this node was not signed by the CA that it trusts.',
          zh: '节点证书不是由其信任的 CA 签发。',
        },
        remedy: {
          en: 'Files of two clusters were mixed: take the host out with --force and join it again.',
          zh: '两个集群的文件混在一起：请用 --force 退出后重新加入。',
        },
        commands: [
          'openssl x509 -noout -issuer -in /var/lib/regnode/identity/certificate.pem',
          'regnode leave --force',
        ],
      },
      expired: {
        message: {
          en: 'The certificate of this node expired at {until}.',
          zh: '节点证书已于 {until} 过期。',
        },
        remedy: {
          en: 'Within the gateway’s grace a running agent renews it by itself; later the host has to join again.',
          zh: '在网关的宽限期内，运行中的 agent 会自动续期；超过宽限期需要重新加入。',
        },
        commands: ['systemctl restart regnode', 'journalctl -u regnode -n 50', 'regnode leave --force'],
      },
      early: {
        message: {
          en: 'The certificate of this node is not good before {since}; the clock of this host is slow.',
          zh: '节点证书自 {since} 起才有效；主机时钟偏慢。',
        },
        remedy: { en: 'Set the clock and keep it with chrony.', zh: '请校准时钟，并用 chrony 保持同步。' },
        commands: ['systemctl enable --now chronyd && chronyc makestep', 'date'],
      },
      overdue: {
        message: {
          en: 'The certificate of this node ends at {until} and should have been renewed by now.',
          zh: '节点证书将于 {until} 到期，早应完成续期。',
        },
        remedy: { en: 'See why the agent can’t renew it.', zh: '请查看 agent 未能续期的原因。' },
        commands: ['regnode status', 'journalctl -u regnode -n 50'],
      },
    },
  },
  NODE_ADMITTED: {
    title: { en: 'Known to the gateway', zh: '网关认可' },
    why: {
      en: 'A node that was removed, or whose certificate was revoked, is refused by the gateway at once.',
      zh: '节点被移除或证书被吊销后，网关会立即拒绝。',
    },
    problems: {
      refused: {
        message: {
          en: 'The gateway refuses this node: {reason}: {detail}',
          zh: '网关拒绝此节点：{reason}：{detail}',
        },
        remedy: {
          en: 'Look the code up; a node that was removed has to be cleaned and joined again.',
          zh: '请查询该代码；已被移除的节点需清理后重新加入。',
        },
        commands: ['regnode explain {reason}', 'regnode leave --force'],
      },
    },
  },
  NODE_IDENTITY: {
    title: { en: 'One host with this identity', zh: '身份唯一' },
    why: {
      en: 'A copied disk has the key and the name of the first host: both say that they are this node, and both kubelets write it.',
      zh: '复制的磁盘带有原主机的密钥与名称：两台主机都自称是此节点，两个 kubelet 会争用同一个 Node。',
    },
    problems: {
      copied: {
        message: {
          en: 'This host ({here}) has the tunnel; another host asks for the same node and is refused: {other} ({reason})',
          zh: '此主机（{here}）持有隧道；另一台主机请求同一节点并被拒绝：{other}（{reason}）',
        },
        remedy: {
          en: 'Look for the other host. If it is a copy of this one: there "regnode leave" (the node stays with this host), then a machine-id of its own, then join under another name.',
          zh: '请查找另一台主机。若它是此主机的副本：请在其上执行 regnode leave（节点仍归此主机），生成新的 machine-id，再以其他名称加入。',
        },
        commands: ['rm /etc/machine-id && systemd-machine-id-setup'],
      },
      refused: {
        message: {
          en: 'This host ({here}) is refused as the node {node}, which is {holder}: {reason}',
          zh: '此主机（{here}）以节点 {node} 的身份连接被拒绝，该节点为 {holder}：{reason}',
        },
        remedy: {
          en: 'If this host is a copy: leave here (the node stays with the other host), make a machine-id of its own, join under another name. If it is the right one: end the other host; where its hardware was changed, regnodectl node readmit {node} on the gateway.',
          zh: '若此主机是副本：请在此执行 regnode leave（节点仍归另一台主机），生成新的 machine-id，再以其他名称加入。若此主机才是正确的：请停掉另一台；若硬件已更换，请在网关侧执行 regnodectl node readmit {node}。',
        },
        commands: ['regnode leave', 'rm /etc/machine-id && systemd-machine-id-setup'],
      },
    },
  },
  NODE_TUNNEL: {
    title: { en: 'Tunnel', zh: '隧道' },
    why: {
      en: 'Logs, exec, heartbeats and metrics go through the one connection that the agent keeps to the gateway.',
      zh: '日志、exec、心跳与指标都经由 agent 与网关之间的这一条连接。',
    },
    problems: {
      down: {
        message: { en: 'The tunnel is not up: {detail}', zh: '隧道未连接：{detail}' },
        remedy: {
          en: 'The agent tries again by itself; its log says what it meets.',
          zh: 'agent 会自动重试；具体原因见其日志。',
        },
        commands: ['journalctl -u regnode -n 50', 'systemctl restart regnode'],
      },
    },
  },
  API_SERVER_CONNECTION: {
    title: { en: 'API server', zh: 'API server' },
    why: {
      en: 'The kubelet learns from the API server what to run, and tells it that the node lives.',
      zh: 'kubelet 从 API server 获知要运行什么，并向其上报节点存活。',
    },
    problems: {
      unreachable: {
        message: {
          en: 'The API server {url} cannot be reached: {detail}.',
          zh: '无法连接 API server {url}：{detail}。',
        },
        remedy: {
          en: 'Let its port through the firewalls of host and line, or send the kubelet’s way through the tunnel (pool: --api-server-access tunnel).',
          zh: '请在主机与专线的防火墙放行该端口，或让 kubelet 走隧道（节点池：--api-server-access tunnel）。',
        },
        commands: ['curl -vk {url}/healthz', 'iptables -S OUTPUT'],
      },
      unhealthy: {
        message: {
          en: 'The API server {url} is not well: it answers HTTP {status}.',
          zh: 'API server {url} 状态异常：返回 HTTP {status}。',
        },
        remedy: { en: 'Look at the control plane in the cloud.', zh: '请检查云上的控制面。' },
        commands: ['curl -sk {url}/healthz?verbose'],
      },
    },
  },
  API_SERVER_ANSWER: {
    title: { en: 'Known to the API server', zh: 'API server 认可' },
    why: {
      en: 'The kubelet’s certificate lets it in; the Node object is what pods are bound to.',
      zh: 'kubelet 凭证书接入；Pod 绑定在 Node 对象上。',
    },
    problems: {
      refused: {
        message: {
          en: 'The API server refuses the kubelet of this node (HTTP {status}).',
          zh: 'API server 拒绝此节点的 kubelet（HTTP {status}）。',
        },
        remedy: {
          en: 'See whether its certificate has expired or is of another cluster.',
          zh: '请检查其证书是否过期或属于其他集群。',
        },
        commands: ['openssl x509 -noout -subject -enddate -in {path}', 'journalctl -u kubelet -n 50'],
      },
      unknownNode: {
        message: { en: 'The cluster has no node {name}.', zh: '集群中没有节点 {name}。' },
        remedy: {
          en: 'The kubelet registers it again when it starts.',
          zh: 'kubelet 重启时会重新注册。',
        },
        commands: ['systemctl restart kubelet', 'journalctl -u kubelet -n 50'],
      },
      noCertificate: {
        message: {
          en: 'The kubelet can’t be spoken for: {detail} ({path}).',
          zh: '无法以 kubelet 身份访问：{detail}（{path}）。',
        },
        remedy: {
          en: 'See whether it got its certificate, and whether the gateway approved the request.',
          zh: '请检查其是否已取得证书，以及网关是否已批准请求。',
        },
        commands: ['ls -l {path}', 'journalctl -u kubelet -n 50'],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
