// Shows a report: for people (English or Chinese, verdict never by colour alone) and, with the texts of one
// language added, for programs. Pure: a report in, text out.
import type { FaultValues, Language } from '../../protocol/catalogue/fault.ts';
import { fill } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { groups, type Verdict } from './check.ts';
import { displayWidth, pad, paint, wrap } from './layout.ts';
import { messages, problemMessages, say, skipReasons } from './messages/index.ts';
import { groupTitles, words } from './messages/words.ts';
import type { CheckResult, ExplainedReport, PreflightReport } from './report-schema.ts';

export interface RenderOptions {
  readonly color: boolean;
  /** Default 100. */
  readonly columns?: number;
  /** Only what was found wrong, without what is fine or does not apply. */
  readonly findingsOnly?: boolean;
}

export type ExplainedResult = ExplainedReport['checks'][number];

/** What `--json` prints: the report with titles, messages and remedies. */
export function explainReport(report: PreflightReport, language: Language): ExplainedReport {
  return { ...report, language, checks: report.checks.map((result) => explainResult(result, language)) };
}

export function renderReport(report: PreflightReport, language: Language, options: RenderOptions): string {
  const explained = explainReport(report, language);
  const shown = explained.checks.filter((check) => !options.findingsOnly || check.problem !== undefined);
  const titleWidth = Math.max(...shown.map((check) => displayWidth(check.title)), 0);
  const sections = groups.flatMap((group) => {
    const members = shown.filter((check) => check.group === group);
    if (members.length === 0) return [];
    const lines = members.map((check) => renderCheck(check, titleWidth, language, options));
    return [[paint(groupTitles[group][language], 'bold', options.color), ...lines].join('\n')];
  });
  return [header(report), ...sections, footer(report, explained, language, options)].join('\n\n');
}

export function explainResult(result: CheckResult, language: Language): ExplainedResult {
  const texts = result.problem === undefined ? undefined : problemMessages(result.code, result.problem);
  const values: FaultValues = { id: result.id, ...result.evidence, ...result.values };
  return {
    ...result,
    title: messages[result.code].title[language],
    message: texts ? say(texts.message, language, values) : reasonOf(result, language),
    remedy: texts ? say(texts.remedy, language, values) : '',
    commands: texts ? texts.commands.map((command) => fill(command, values)) : [],
  };
}

function reasonOf(result: CheckResult, language: Language): string {
  if (result.reason === undefined) return '';
  return say(skipReasons[result.reason], language, { cause: result.cause ?? '' });
}

function header(report: PreflightReport): string {
  const { host } = report;
  return `regnode preflight · ${host.hostname} · ${host.operatingSystem} · ${host.kernel} ${host.architecture}`;
}

export function renderCheck(
  check: ExplainedResult,
  titleWidth: number,
  language: Language,
  options: RenderOptions,
): string {
  const mark = pad(paint(`[${check.verdict}]`, colorOf[check.verdict], options.color), 6);
  const line = `  ${mark} ${pad(check.title, titleWidth)}  ${besideTitle(check, language)}`.trimEnd();
  if (check.problem === undefined) return line;
  const columns = (options.columns ?? 100) - 9;
  const texts = [check.message, check.remedy].flatMap((text) => wrap(text, columns));
  return [
    line,
    ...texts.map((text) => `         ${text}`),
    ...check.commands.map((command) => `           $ ${command}`),
    `         ${check.code}`,
  ].join('\n');
}

function besideTitle(check: ExplainedResult, language: Language): string {
  const { measured, threshold } = check.evidence;
  const ignored = check.ignored ? `  (${words.ignored[language]})` : '';
  if (check.verdict === 'skip') return [check.message, measured].filter(Boolean).join(': ');
  return (threshold === '' ? measured : `${measured}  (${threshold})`) + ignored;
}

function footer(
  report: PreflightReport,
  explained: ExplainedReport,
  language: Language,
  options: RenderOptions,
): string {
  const verdict = say(verdictWords(report), language, { count: report.leftOut.length });
  const color = report.verdict === 'can-join' ? 'green' : 'red';
  const counts = say(words.counts, language, {
    ...report.counts,
    seconds: (report.durationMs / 1000).toFixed(1),
  });
  const first = explained.checks.find((check) => check.code === report.firstToRepair[0]);
  return [
    `${paint(verdict, color, options.color)} ${counts}`,
    ...(first ? [`${words.first[language]} ${first.code}: ${first.remedy}`] : []),
    ...(first ? [say(words.more, language, { code: first.code })] : []),
  ].join('\n');
}

function verdictWords({ verdict, leftOut }: PreflightReport): Text {
  if (verdict === 'cannot-join') return words.cannotJoin;
  return leftOut.length === 0 ? words.canJoin : words.nothingFound;
}

export const colorOf = {
  ok: 'green',
  warn: 'yellow',
  fail: 'red',
  skip: 'gray',
} as const satisfies Record<Verdict, string>;
