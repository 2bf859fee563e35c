// The verdict of preflight as a whole; each check has its own code in agent/preflight.
import type { CatalogueEntry } from './entry.ts';

export const preflightFaults = {
  PREFLIGHT_FAILED: {
    exitCode: 3,
    en: {
      message: 'This host cannot join yet: {count} check(s) failed ({codes}). Nothing was changed.',
      remedy: 'Do what is written under each failed check, then run the command again.',
    },
    zh: {
      message: '此主机暂不能加入：{count} 项检查未通过（{codes}）。主机未作任何改动。',
      remedy: '请按每项失败检查下的说明处理后重试。',
    },
  },
  CHECK_UNKNOWN: {
    exitCode: 2,
    en: {
      message: 'There is no check or group of checks named "{name}".',
      remedy: 'Did you mean "{nearest}"? Groups: {groups}. The name of a check is its code.',
    },
    zh: {
      message: '没有名为“{name}”的检查或检查组。',
      remedy: '是否想写“{nearest}”？检查组有：{groups}；检查的名称即其代码。',
    },
  },
} as const satisfies Record<string, CatalogueEntry>;
