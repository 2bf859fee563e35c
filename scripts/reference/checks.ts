// docs/reference/checks.md: the checks of preflight, in their order.
import { messages } from '../../agent/preflight/messages/index.ts';
import { groupTitles } from '../../agent/preflight/messages/words.ts';
import { registry } from '../../agent/preflight/registry.ts';
import { code, codes, page, table } from './table.ts';

export function checksPage(): string {
  const rows = registry.map((check, index) => {
    const isFirst = registry[index - 1]?.group !== check.group;
    const worst = check.severity === 'blocking' ? 'fail' : 'warn';
    const { title } = messages[check.code];
    return [
      isFirst ? groupTitles[check.group].en : '',
      ...[code(check.code), title.en, title.zh, worst, codes(check.dependsOn)],
    ];
  });
  return page(
    'The checks of preflight',
    '`regnode explain CODE` says why a check matters and what to do. `--only`, `--skip` and `--ignore` take a code or a group.',
    table(['group', 'code', 'title', '中文', 'worst', 'muted by'], rows),
  );
}
