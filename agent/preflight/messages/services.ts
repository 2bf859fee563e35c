// Texts of the group "node", second part: regnode, kubelet and containerd as services of this host.
import type { CheckMessages } from './shape.ts';

export const serviceMessages = {
  AGENT_SERVICE: {
    title: { en: 'regnode’s daemon', zh: 'regnode 守护进程' },
    why: {
      en: 'It keeps the tunnel, renews the certificate and repairs drift.',
      zh: '它维持隧道、续期证书并修复配置漂移。',
    },
    problems: {
      notRunning: {
        message: {
          en: 'regnode.service is {state}, last exit status {exitStatus}.',
          zh: 'regnode.service 为 {state}，上次退出码 {exitStatus}。',
        },
        remedy: { en: 'Start it, and see why it ended.', zh: '请启动它，并查看退出原因。' },
        commands: ['systemctl start regnode', 'journalctl -u regnode -n 50'],
      },
      frozen: {
        message: {
          en: 'The process {pid} of regnode.service is stopped by a signal.',
          zh: 'regnode.service 的进程 {pid} 被信号暂停。',
        },
        remedy: { en: 'Let it go on.', zh: '请让其继续运行。' },
        commands: ['systemctl kill --signal=SIGCONT regnode'],
      },
    },
  },
  KUBELET_SERVICE: {
    title: { en: 'kubelet', zh: 'kubelet' },
    why: { en: 'The kubelet runs the pods of this node.', zh: 'kubelet 负责运行此节点的 Pod。' },
    problems: {
      notRunning: {
        message: {
          en: 'kubelet.service is {state}, last exit status {exitStatus}.',
          zh: 'kubelet.service 为 {state}，上次退出码 {exitStatus}。',
        },
        remedy: { en: 'Start it, and see why it ended.', zh: '请启动它，并查看退出原因。' },
        commands: ['systemctl start kubelet', 'journalctl -u kubelet -n 50'],
      },
      failing: {
        message: {
          en: 'The kubelet ends again and again ({restarts} restarts, last exit status {exitStatus}).',
          zh: 'kubelet 反复退出（已重启 {restarts} 次，上次退出码 {exitStatus}）。',
        },
        remedy: { en: 'Its last lines say why.', zh: '原因见其日志末尾。' },
        commands: ['journalctl -u kubelet -n 50'],
      },
      frozen: {
        message: {
          en: 'The process {pid} of kubelet.service is stopped by a signal.',
          zh: 'kubelet.service 的进程 {pid} 被信号暂停。',
        },
        remedy: { en: 'Let it go on.', zh: '请让其继续运行。' },
        commands: ['systemctl kill --signal=SIGCONT kubelet'],
      },
    },
  },
  KUBELET_HEALTH: {
    title: { en: 'Health of the kubelet', zh: 'kubelet 健康' },
    why: {
      en: 'The kubelet tells on its health port whether its main loop still turns.',
      zh: 'kubelet 在健康端口说明其主循环是否仍在运行。',
    },
    problems: {
      unhealthy: {
        message: {
          en: 'The kubelet says that it is not well (HTTP {status}): {detail}',
          zh: 'kubelet 自报异常（HTTP {status}）：{detail}',
        },
        remedy: { en: 'See what it complains of; then restart it.', zh: '请查看其日志，然后重启。' },
        commands: ['journalctl -u kubelet -n 50', 'systemctl restart kubelet'],
      },
      silent: {
        message: {
          en: 'The kubelet does not answer on its health port: {detail}.',
          zh: 'kubelet 健康端口无应答：{detail}。',
        },
        remedy: { en: 'See what it does; then restart it.', zh: '请查看其状态，然后重启。' },
        commands: [
          'curl -s http://127.0.0.1:10248/healthz',
          'journalctl -u kubelet -n 50',
          'systemctl restart kubelet',
        ],
      },
    },
  },
  KUBELET_PORT: {
    title: { en: 'Port of the kubelet', zh: 'kubelet 端口' },
    why: {
      en: 'The tunnel reaches the kubelet at this port on loopback: logs, exec, port-forward, metrics.',
      zh: '隧道经本机回环的此端口访问 kubelet：日志、exec、端口转发与指标。',
    },
    problems: {
      blocked: {
        message: {
          en: 'The kubelet is well, and its port {where} can’t be reached: {detail}.',
          zh: 'kubelet 正常，但端口 {where} 无法访问：{detail}。',
        },
        remedy: {
          en: 'A rule of the packet filter takes it, also on loopback: let it through.',
          zh: '防火墙规则（包括回环）拦截了该端口，请放行。',
        },
        commands: [
          'iptables -S INPUT | grep {port}',
          'nft list ruleset | grep {port}',
          'ss -ltn sport = :{port}',
        ],
      },
    },
  },
  CONTAINERD_SERVICE: {
    title: { en: 'containerd', zh: 'containerd' },
    why: { en: 'containerd runs the containers for the kubelet.', zh: 'containerd 为 kubelet 运行容器。' },
    problems: {
      notRunning: {
        message: {
          en: 'containerd.service is {state}, last exit status {exitStatus}.',
          zh: 'containerd.service 为 {state}，上次退出码 {exitStatus}。',
        },
        remedy: { en: 'Start it, and see why it ended.', zh: '请启动它，并查看退出原因。' },
        commands: ['systemctl start containerd', 'journalctl -u containerd -n 50'],
      },
      failing: {
        message: {
          en: 'containerd ends again and again ({restarts} restarts, last exit status {exitStatus}).',
          zh: 'containerd 反复退出（已重启 {restarts} 次，上次退出码 {exitStatus}）。',
        },
        remedy: { en: 'Its last lines say why.', zh: '原因见其日志末尾。' },
        commands: ['journalctl -u containerd -n 50'],
      },
    },
  },
  CONTAINERD_ANSWER: {
    title: { en: 'containerd answers', zh: 'containerd 应答' },
    why: {
      en: 'A containerd that hangs keeps its socket: connections are taken and nothing is answered.',
      zh: '卡死的 containerd 仍保留套接字：接受连接却不应答。',
    },
    problems: {
      frozen: {
        message: {
          en: 'containerd (pid {pid}) is stopped by a signal and answers nothing.',
          zh: 'containerd（pid {pid}）被信号暂停，无应答。',
        },
        remedy: {
          en: 'Let it go on; its containers live on meanwhile.',
          zh: '请让其继续运行；其间容器不受影响。',
        },
        commands: ['systemctl kill --signal=SIGCONT containerd'],
      },
      silent: {
        message: { en: 'containerd does not answer: {detail}.', zh: 'containerd 无应答：{detail}。' },
        remedy: {
          en: 'See what it does; a restart leaves running containers alone.',
          zh: '请查看其状态；重启不影响运行中的容器。',
        },
        commands: ['journalctl -u containerd -n 50', 'systemctl restart containerd'],
      },
      noClient: {
        message: {
          en: 'containerd’s own client is missing, so it can’t be asked.',
          zh: '缺少 containerd 自带的客户端，无法查询。',
        },
        remedy: { en: 'Let regnode put it back.', zh: '请让 regnode 重新安装。' },
        commands: ['ls /opt/regnode/components/containerd/current/', 'regnode join'],
      },
    },
  },
} as const satisfies Record<string, CheckMessages>;
