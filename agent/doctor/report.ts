// Shows the doctor's report to people: a line per hop, what is broken with what to do, the cause and what
// changed. Pure: a report in, text out.
import type { Language } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { displayWidth, pad, paint, wrap } from '../preflight/layout.ts';
import { say } from '../preflight/messages/index.ts';
import { colorOf, type RenderOptions, renderCheck } from '../preflight/report.ts';
import type { HopName } from './hops.ts';
import type { DoctorReport, HopReport } from './report-schema.ts';
import { hopTitles, words } from './words.ts';

export function renderDoctor(report: DoctorReport, options: RenderOptions): string {
  const { language } = report;
  return [
    header(report),
    '',
    ...report.hops.flatMap((hop) => renderHop(hop, language, options)),
    '',
    ...footer(report, options),
  ].join('\n');
}

function header({ host, node }: DoctorReport): string {
  return `regnode doctor · ${node.name} (${node.pool}) · ${node.gateway} · ${host.operatingSystem} · ${host.kernel}`;
}

const titleWidth = Math.max(...Object.values(hopTitles).flatMap(({ en, zh }) => [en, zh].map(displayWidth)));

function renderHop(hop: HopReport, language: Language, options: RenderOptions): string[] {
  const mark = pad(paint(`[${hop.verdict}]`, colorOf[hop.verdict], options.color), 6);
  const title = pad(hopTitles[hop.hop][language], titleWidth);
  const found = hop.checks.filter(({ problem }) => problem !== undefined);
  const width = Math.max(0, ...found.map((check) => displayWidth(check.title)));
  const margin = ' '.repeat(titleWidth + 9);
  const columns = (options.columns ?? 100) - margin.length;
  const [first = '', ...rest] = wrap(summary(hop), columns);
  return [
    `${mark} ${title}  ${first}`.trimEnd(),
    ...rest.map((line) => `${margin}${line}`),
    ...found.map((check) => indent(renderCheck(check, width, language, options))),
  ];
}

/** What was measured where all is well; why nothing was, where it wasn't. */
function summary({ verdict, checks }: HopReport): string {
  if (verdict === 'skip') return checks.find(({ cause }) => cause !== undefined)?.message ?? '';
  if (verdict === 'fail') return '';
  return checks
    .filter(({ verdict: own, evidence }) => own === 'ok' && evidence.measured !== '')
    .map(({ title, evidence }) => `${title}: ${evidence.measured}`)
    .join(' · ');
}

function footer(report: DoctorReport, options: RenderOptions): string[] {
  const { cause, language, changes, events } = report;
  const seconds = (report.durationMs / 1000).toFixed(1);
  const t = (text: Text, values = {}) => say(text, language, values);
  if (cause === undefined)
    return [`${paint(t(words.well), 'green', options.color)} ${t(words.took, { seconds })}`];
  const broken = report.hops.find(({ hop }) => hop === cause.hop);
  const check = broken?.checks.find(({ code }) => code === cause.code);
  const title = hopTitles[cause.hop as HopName][language];
  const since = broken?.workedAt;
  return [
    `${paint(t(words.cause), 'red', options.color)} ${title}: ${check?.message ?? ''} (${cause.code})`,
    since === undefined ? t(words.neverWorked) : t(words.lastWorked, { at: since }),
    ...changes.map(({ hop, what, was, is }) => `  ${hopTitles[hop][language]} · ${what}: ${was} → ${is}`),
    ...events.map(({ at, unit, text }) => `  ${at}  ${unit}: ${text}`),
    ...(since !== undefined && changes.length + events.length === 0 ? [`  ${t(words.nothingChanged)}`] : []),
    t(words.more, { code: cause.code, seconds }),
  ];
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
