// New versions on a joined node, one node at a time, and what was changed by hand.
import type { CatalogueEntry } from './entry.ts';

export const upgradeFaults = {
  UPGRADE_CRASHED: {
    exitCode: 5,
    en: {
      message: '{component} {to} ended right after its start, again and again: {detail}',
      remedy:
        'The host is back on {from}. Read "journalctl -u {component}" on it, then ask for another version, or for the same once more: regnodectl node retry NAME',
    },
    zh: {
      message: '{component} {to} 启动后反复退出：{detail}',
      remedy:
        '主机已退回 {from}。请在主机上查看 journalctl -u {component}，再改用其他版本，或重试：regnodectl node retry NAME',
    },
  },
  UPGRADE_UNHEALTHY: {
    exitCode: 5,
    en: {
      message: '{component} {to} was not healthy within {seconds} s: {detail}',
      remedy:
        'The host is back on {from}. Find the cause, then ask for another version, or for the same once more: regnodectl node retry NAME',
    },
    zh: {
      message: '{component} {to} 在 {seconds} 秒内未恢复健康：{detail}',
      remedy: '主机已退回 {from}。请查明原因，再改用其他版本，或重试：regnodectl node retry NAME',
    },
  },
  UPGRADE_FAILED: {
    exitCode: 5,
    en: {
      message: '{component} {to} could not be put into use: {detail}',
      remedy:
        'The host is back on {from}. Mend what is named, then: regnodectl node retry NAME, or ask for another version.',
    },
    zh: {
      message: '{component} {to} 无法启用：{detail}',
      remedy: '主机已退回 {from}。请修复后执行 regnodectl node retry NAME，或改用其他版本。',
    },
  },
  UPGRADE_INTERRUPTED: {
    exitCode: 5,
    en: {
      message: '{component} {to} was tried {attempts} times, and the agent ended each time.',
      remedy:
        'The host is back on {from}. See why regnode.service ended (journalctl -u regnode), then: regnodectl node retry NAME',
    },
    zh: {
      message: '{component} {to} 已尝试 {attempts} 次，每次代理都中途退出。',
      remedy:
        '主机已退回 {from}。请查看 regnode.service 退出的原因（journalctl -u regnode），再执行 regnodectl node retry NAME',
    },
  },
  SETTINGS_UNHEALTHY: {
    exitCode: 5,
    en: {
      message: 'The node was not healthy after a restart of {units} for other settings: {detail}',
      remedy:
        'The host is back on the settings before. Set what is named right (regnodectl pool set), or try the same once more: regnodectl node retry NAME',
    },
    zh: {
      message: '因设置变更重启 {units} 后，节点未恢复健康：{detail}',
      remedy: '主机已退回之前的设置。请修正设置（regnodectl pool set），或重试：regnodectl node retry NAME',
    },
  },
  AGENT_CRASHED: {
    exitCode: 5,
    en: {
      message: 'The agent {to} did not work here, and {from} was put back: {detail}',
      remedy:
        'Read "journalctl -u regnode" on the host, then ask for another version, or: regnodectl node retry NAME',
    },
    zh: {
      message: '代理 {to} 在此主机上无法工作，已退回 {from}：{detail}',
      remedy: '请在主机上查看 journalctl -u regnode，再改用其他版本，或执行 regnodectl node retry NAME',
    },
  },
  AGENT_PACKAGED: {
    exitCode: 1,
    en: {
      message: 'The agent of this host belongs to its RPM package: {to} is not put over {from}.',
      remedy: 'Upgrade it on the host: dnf upgrade regnode (or rpm -U).',
    },
    zh: {
      message: '此主机的代理由 RPM 软件包安装：不会用 {to} 覆盖 {from}。',
      remedy: '请在主机上升级：dnf upgrade regnode（或 rpm -U）。',
    },
  },
  VERSION_SKEW: {
    exitCode: 2,
    en: {
      message: 'A kubelet {version} does not fit the API server {server}: {detail}.',
      remedy: 'Choose a version from {oldest} to {newest}, or upgrade the control plane first.',
    },
    zh: {
      message: 'kubelet {version} 与 API Server {server} 不兼容：{detail}。',
      remedy: '请选择 {oldest} 到 {newest} 之间的版本，或先升级控制面。',
    },
  },
  ROLLOUT_PAUSED: {
    exitCode: 5,
    en: {
      message: 'The rollout of pool {pool} stands still: {detail}.',
      remedy:
        'See "regnodectl node get NAME" for the reason. Then: regnodectl node retry NAME, or regnodectl pool resume {pool} to go on without it, or set the version back.',
    },
    zh: {
      message: '节点池 {pool} 的升级已暂停：{detail}。',
      remedy:
        '原因见 regnodectl node get NAME。可执行 regnodectl node retry NAME 重试，或 regnodectl pool resume {pool} 跳过继续，或改回原版本。',
    },
  },
  ROLLOUT_TIMED_OUT: {
    exitCode: 5,
    en: {
      message:
        'The rollout of pool {pool} has not ended within {seconds} s: {done} of {total} nodes are done.',
      remedy: 'It goes on by itself. Watch it with: regnodectl pool get {pool}',
    },
    zh: {
      message: '节点池 {pool} 的升级在 {seconds} 秒内未完成：{total} 个节点中完成 {done} 个。',
      remedy: '升级仍在继续，可执行 regnodectl pool get {pool} 查看。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
