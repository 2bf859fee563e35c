// docs/reference/codes.md and codes.zh.md: every code of the catalogue with its line and its remedy.
import type { Language } from '../../protocol/catalogue/fault.ts';
import { catalogue } from '../../protocol/catalogue/index.ts';
import { code, page, table } from './table.ts';

const texts = {
  en: {
    title: 'Codes',
    about:
      'What regnode says by code: failures of a command (with the exit code that it ends with), what ails a node, and events. `regnode explain CODE` says the same. `{name}` stands for a value.',
    header: ['code', 'exit', 'message', 'remedy'],
  },
  zh: {
    title: '代码一览',
    about:
      'regnode 以代码表示的内容：命令失败（及其退出码）、节点的问题、事件。`regnode explain CODE` 给出相同的说明。`{name}` 表示一个值。',
    header: ['代码', '退出码', '信息', '处理办法'],
  },
} as const;

export function codesPage(language: Language): string {
  const { title, about, header } = texts[language];
  const rows = Object.entries(catalogue)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, entry]) => {
      const { message, remedy } = entry[language];
      return [code(name), String(entry.exitCode), message, remedy];
    });
  return page(title, about, table(header, rows));
}
