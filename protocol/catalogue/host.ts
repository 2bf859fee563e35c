// The host itself: rights, room, locks, commands that fail.
import type { CatalogueEntry } from '../fault.ts';

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
  NOT_JOINED: {
    exitCode: 1,
    en: {
      message: 'This host has not joined a cluster.',
      remedy: 'Join it with the command of: regnodectl token create',
    },
    zh: { message: '此主机尚未加入集群。', remedy: '请使用 regnodectl token create 给出的命令加入。' },
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
  UNEXPECTED: {
    exitCode: 1,
    en: {
      message: 'Unexpected error: {detail}',
      remedy: 'This is a bug in regnode; please report it with the log.',
    },
    zh: { message: '意外错误：{detail}', remedy: '这是 regnode 的缺陷，请附日志反馈。' },
  },
} as const satisfies Record<string, CatalogueEntry>;
