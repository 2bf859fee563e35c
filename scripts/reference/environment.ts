// docs/reference/environment.md.
import {
  developmentVariables,
  installerVariables,
  type Variable,
  variables,
} from './environment-variables.ts';
import { code, page, table } from './table.ts';

export function environmentPage(): string {
  return page(
    'Environment variables',
    tableOf(variables),
    '## The installer',
    'Each has a flag of `install.sh`, which comes first.',
    tableOf(installerVariables),
    '## Development and tests',
    tableOf(developmentVariables),
  );
}

function tableOf(list: readonly Variable[]): string {
  const rows = list.map(({ name, meaning, standard = '', readBy }) => [
    code(name),
    meaning,
    standard,
    readBy.join(', '),
  ]);
  return table(['name', 'meaning', 'default', 'read by'], rows);
}
