// Every file that is made from the code, and how. `npm run schemas` writes them; a test compares them.
import { doctorJsonSchema } from '../../agent/doctor/report-schema.ts';
import { reportJsonSchema } from '../../agent/preflight/report-schema.ts';
import { checksPage } from './checks.ts';
import { codesPage } from './codes.ts';
import { commandsPage } from './commands.ts';
import { customResources } from './custom-resources.ts';
import { environmentPage } from './environment.ts';
import { metricsPage } from './metrics.ts';
import { poolSettingsPage } from './pool-settings.ts';

type Made = string | Promise<string>;

export const documents: Readonly<Record<string, () => Made>> = {
  'docs/reference/checks.md': checksPage,
  'docs/reference/codes.md': () => codesPage('en'),
  'docs/reference/codes.zh.md': () => codesPage('zh'),
  'docs/reference/commands.md': commandsPage,
  'docs/reference/custom-resources.yaml': customResources,
  'docs/reference/environment.md': environmentPage,
  'docs/reference/metrics.md': metricsPage,
  'docs/reference/pool-settings.md': poolSettingsPage,
  'agent/doctor/report.schema.json': () => json(doctorJsonSchema()),
  'agent/preflight/report.schema.json': () => json(reportJsonSchema()),
};

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
