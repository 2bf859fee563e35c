// The host itself: rights, room, locks, commands that fail.
import type { CatalogueEntry } from './entry.ts';

export const hostFaults = {
  NOT_ROOT: {
    exitCode: 2,
    en: { message: 'This command must be run as root (it runs as uid {uid}).', remedy: 'Run it with sudo.' },
    zh: { message: '此命令需要 root 权限（当前 uid 为 {uid}）。', remedy: '请使用 sudo 运行。' },
  },
  NO_SPACE: {
    exitCode: 1,
    en: {
      message: 'There is not enough room under {path}: {freeMiB} MiB free, {neededMiB} MiB needed.',
      remedy: 'Free some room or mount a larger disk there, then run the command again.',
    },
    zh: {
      message: '{path} 空间不足：剩余 {freeMiB} MiB，需要 {neededMiB} MiB。',
      remedy: '请清理空间或挂载更大的磁盘后重试。',
    },
  },
  NO_INODES: {
    exitCode: 1,
    en: {
      message: 'The file system of {path} can take no more files: it has no free inode.',
      remedy: 'Remove files there that nobody needs (df -i shows where), then run the command again.',
    },
    zh: {
      message: '{path} 所在文件系统的 inode 已用尽，无法再创建文件。',
      remedy: '请清理该处不需要的文件（可用 df -i 查看）后重试。',
    },
  },
  DISK_QUOTA: {
    exitCode: 1,
    en: {
      message: 'The disk quota at {path} is used up ({neededMiB} MiB needed).',
      remedy: 'Raise the quota of root there or free some of it, then run the command again.',
    },
    zh: {
      message: '{path} 处的磁盘配额已用尽（需要 {neededMiB} MiB）。',
      remedy: '请提高 root 在该处的配额或清理空间后重试。',
    },
  },
  READ_ONLY: {
    exitCode: 1,
    en: {
      message: 'The file system of {path} is read-only.',
      remedy:
        'When a fault of the disk made it so (dmesg tells), mend that first; then mount it writable and run the command again.',
    },
    zh: {
      message: '{path} 所在文件系统为只读。',
      remedy: '若由磁盘故障引起（见 dmesg），请先修复；然后以可写方式挂载并重试。',
    },
  },
  DISK_ERROR: {
    exitCode: 1,
    en: {
      message: 'The disk failed to read or write {path} (input/output error).',
      remedy: 'Look at dmesg; check the disk and its file system before anything else.',
    },
    zh: {
      message: '磁盘读写 {path} 失败（输入/输出错误）。',
      remedy: '请查看 dmesg，先检查磁盘与文件系统。',
    },
  },
  OUTPUT_FAILED: {
    exitCode: 1,
    en: {
      message: 'The output of the command cannot be written: {detail}.',
      remedy: 'Look at where it goes; what the command was to do has been done, or is told above.',
    },
    zh: {
      message: '无法写入命令输出：{detail}。',
      remedy: '请检查输出的去向；命令本身的操作已完成，或见上文说明。',
    },
  },
  BUSY: {
    exitCode: 4,
    en: { message: 'Another regnode ({command}, pid {pid}) is at work.', remedy: 'Wait until it has ended.' },
    zh: { message: '另一个 regnode 正在运行（{command}，pid {pid}）。', remedy: '请等待其结束。' },
  },
  COMMAND_FAILED: {
    exitCode: 1,
    en: { message: '{command} failed ({outcome}): {detail}', remedy: 'Run it by hand to see more.' },
    zh: { message: '{command} 执行失败（{outcome}）：{detail}', remedy: '请手动运行以查看详情。' },
  },
  LEAVE_INCOMPLETE: {
    exitCode: 1,
    en: {
      message: 'This host has left the cluster, but {count} change(s) could not be undone: {detail}.',
      remedy:
        'Mend what is named and run "regnode leave" again: it tries only that. "--force" leaves it as it is.',
    },
    zh: {
      message: '此主机已退出集群，但有 {count} 项改动无法撤销：{detail}。',
      remedy: '请处理上述问题后再次运行 "regnode leave"：只会重试这些改动。"--force" 则保留现状。',
    },
  },
  PATH_PROTECTED: {
    exitCode: 3,
    en: {
      message: '{path} is {attribute}: not even root may change it, so this host cannot be made a node.',
      remedy: 'Find out who protects it, then: {command}',
    },
    zh: {
      message: '{path} 具有 {attribute} 属性，root 也无法修改，因此此主机不能成为节点。',
      remedy: '请先确认由谁设置，然后执行：{command}',
    },
  },
  JOURNAL_CORRUPT: {
    exitCode: 1,
    en: {
      message: 'The journal {path} is damaged at line {line}: {detail}.',
      remedy: 'Keep a copy of it and run "regnode leave --force"; what cannot be undone is listed.',
    },
    zh: {
      message: '日志 {path} 第 {line} 行已损坏：{detail}。',
      remedy: '请保留副本并运行 regnode leave --force；无法撤销的内容会列出。',
    },
  },
  UNIT_FAILED: {
    exitCode: 1,
    en: {
      message: '{unit} does not start: {detail}',
      remedy: 'Look at "journalctl -u {unit}", remove the cause and run the command again.',
    },
    zh: {
      message: '{unit} 无法启动：{detail}',
      remedy: '请查看 journalctl -u {unit}，消除原因后重试。',
    },
  },
  STEP_FAILED: {
    exitCode: 1,
    en: {
      message: 'The step "{step}" failed: {detail}.',
      remedy: 'Remove the cause and run the command again; it goes on where it stopped.',
    },
    zh: { message: '步骤“{step}”失败：{detail}。', remedy: '请消除原因后重试，会从中断处继续。' },
  },
  PATH_OCCUPIED: {
    exitCode: 1,
    en: {
      message: 'A {kind} stands at {path}, where regnode has to put something else.',
      remedy: 'Move it away and run the command again.',
    },
    zh: { message: '{path} 处已有 {kind}，而 regnode 需要使用该路径。', remedy: '请将其移走后重试。' },
  },
  NOT_SETTLED: {
    exitCode: 1,
    en: {
      message: 'The host does not stay as it was set: {steps}.',
      remedy: 'Something else changes the same things; look for another tool that configures this host.',
    },
    zh: {
      message: '主机未能保持已设置的状态：{steps}。',
      remedy: '有其他程序在修改相同的配置，请检查主机上的其他配置工具。',
    },
  },
  LEAVING: {
    exitCode: 1,
    en: {
      message: 'This host is leaving the cluster, and that has not ended.',
      remedy: 'Finish it with "regnode leave", then join again.',
    },
    zh: { message: '此主机正在退出集群，尚未完成。', remedy: '请执行 regnode leave 完成退出后再加入。' },
  },
  NODE_STAYS: {
    exitCode: 0,
    en: {
      message: 'The node {name} stays in the cluster: another host with its key has it, {holder}.',
      remedy: 'Nothing to do for the node. Give this host a machine-id of its own before it joins again.',
    },
    zh: {
      message: '节点 {name} 保留在集群中：持有其密钥的另一台主机正在使用，{holder}。',
      remedy: '节点无需处理。此主机再次加入前请生成新的 machine-id。',
    },
  },
  NOT_DEREGISTERED: {
    exitCode: 1,
    en: {
      message:
        'The gateway was not told, and still lists the node {name}; remove it there: regnodectl node remove {name} --force ({detail})',
      remedy: 'Run in the cloud: regnodectl node remove {name} --force',
    },
    zh: {
      message:
        '未能通知网关，网关仍列有节点 {name}；请在云上移除：regnodectl node remove {name} --force（{detail}）',
      remedy: '请在云上执行：regnodectl node remove {name} --force',
    },
  },
  DAEMON_NOT_RUNNING: {
    exitCode: 5,
    en: {
      message: 'The regnode daemon is not running on this node.',
      remedy: 'Look at: systemctl status regnode; journalctl -u regnode',
    },
    zh: {
      message: '此节点上的 regnode 守护进程未运行。',
      remedy: '请查看：systemctl status regnode；journalctl -u regnode',
    },
  },
  CODE_UNKNOWN: {
    exitCode: 2,
    en: { message: 'There is no code "{code}".', remedy: 'Did you mean "{nearest}"?' },
    zh: { message: '没有代码“{code}”。', remedy: '您是否想查 {nearest}？' },
  },
  NOT_JOINED: {
    exitCode: 1,
    en: {
      message: 'This host has not joined a cluster.',
      remedy: 'Join it with the command of: regnodectl token create',
    },
    zh: { message: '此主机尚未加入集群。', remedy: '请使用 regnodectl token create 给出的命令加入。' },
  },
  STATE_LOST: {
    exitCode: 1,
    en: {
      message: 'This host joined {gateway} as the node {node}, and what regnode remembers in {path} is gone.',
      remedy:
        'Give the host back with: regnode leave --recover; remove the node with: regnodectl node remove {node}; then join it again.',
    },
    zh: {
      message: '此主机曾以节点 {node} 加入 {gateway}，但 {path} 中的记录已丢失。',
      remedy:
        '请运行 regnode leave --recover 恢复主机，用 regnodectl node remove {node} 移除节点，然后重新加入。',
    },
  },
  ALREADY_JOINED: {
    exitCode: 1,
    en: {
      message: 'This host is already the node {name} of {gateway}.',
      remedy: 'Nothing to do; to move it, run "regnode leave" first.',
    },
    zh: {
      message: '此主机已是 {gateway} 的节点 {name}。',
      remedy: '无需操作；若要迁移，请先运行 regnode leave。',
    },
  },
  CONFIGURATION_INVALID: {
    exitCode: 2,
    en: { message: '{path}: {detail}.', remedy: 'Correct the value and run the command again.' },
    zh: { message: '{path} 配置有误：{detail}。', remedy: '请改正该值后重试。' },
  },
  BUGREPORT_SECRET: {
    exitCode: 1,
    en: {
      message: 'Nothing was written: {section} of the bug report holds what looks like a secret ({kinds}).',
      remedy: 'Please report that as a bug; until it is mended, send the output of "regnode doctor --json".',
    },
    zh: {
      message: '未写出任何内容：诊断包的 {section} 中疑似含有机密（{kinds}）。',
      remedy: '请将此作为缺陷反馈；修复之前可发送 regnode doctor --json 的输出。',
    },
  },
  NOT_ENCODABLE: {
    exitCode: 2,
    en: {
      message: 'This may not stand as {where}: {value}.',
      remedy: 'Correct the value where it is configured: no line breaks, no control characters.',
    },
    zh: {
      message: '以下内容不能用作 {where}：{value}。',
      remedy: '请在配置处更正该值：不能含换行或控制字符。',
    },
  },
  UNEXPECTED: {
    exitCode: 1,
    en: {
      message: 'Unexpected error: {detail}',
      remedy: 'This is a bug in regnode; please report it with the log.',
    },
    zh: { message: '意外错误：{detail}', remedy: '这是 regnode 的缺陷，请附日志反馈。' },
  },
} as const satisfies Record<string, CatalogueEntry>;
