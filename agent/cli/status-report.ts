// What `regnode status` prints: a row for each part of the node, then what ails it, the causes first. Names
// of states and codes are the same in every language, as they are in JSON and in the logs.
import { Fault, type Language } from '../../protocol/catalogue/fault.ts';
import { textsOf } from '../health/texts.ts';
import { renderLine } from '../line/report.ts';
import { pad } from '../preflight/layout.ts';
import { say } from '../preflight/messages/index.ts';
import type { DaemonStatus } from '../state/status.ts';
import { words } from './status-words.ts';

/** `unknown` is what the daemon has not looked at yet. */
type Verdict = 'ok' | 'fail' | 'unknown';
type Row = readonly [verdict: Verdict, title: keyof typeof words.titles, text: string];

const marks: Readonly<Record<Verdict, string>> = { ok: '[ok]', fail: '[fail]', unknown: '[..]' };
const titleColumns = 13;

export function renderStatus(status: DaemonStatus, language: Language): string {
  const rows = rowsOf(status, language).map(([verdict, title, text]) => {
    return `${marks[verdict].padEnd(6)} ${pad(words.titles[title][language], titleColumns)}${text}\n`;
  });
  const findings = renderFindings(status, language);
  return rows.join('') + (findings === '' ? '' : `\n${findings}`);
}

function rowsOf(status: DaemonStatus, language: Language): readonly Row[] {
  const { tunnel, certificate, reconcile, services, telemetry } = status;
  const { acknowledged, pending, lost } = telemetry;
  return [
    ['ok', 'node', `${status.nodeName} (${status.pool})`],
    [
      ok(tunnel.state === 'Open'),
      'tunnel',
      `${tunnel.state} → ${way(status, language)}${suffix(tunnel.lastFault)}`,
    ],
    ['ok', 'streams', say(words.streams, language, streamFigures(tunnel))],
    [
      ok(certificate.fault === ''),
      'certificate',
      `${say(words.goodUntil, language, { at: certificate.expiresAt })}${suffix(certificate.fault)}`,
    ],
    ...addressRows(status, language),
    ...identityRows(status, language),
    clusterRow(status, language),
    [ok(status.phase === 'Running'), 'phase', `${status.phase}${suffix(status.detail)}`],
    [ok(reconcile.fault === ''), 'reconcile', `${reconcile.revision || '-'}${suffix(reconcile.fault)}`],
    ...versionRows(status, language),
    ...downloadRows(status, language),
    serviceRow('kubelet', services?.kubeletHealthy, language),
    serviceRow('containerd', services?.containerdHealthy, language),
    podsRow(status, language),
    ...(status.line ? [lineRow(status.line, language)] : []),
    [ok(lost === 0), 'telemetry', say(words.telemetry, language, { acknowledged, pending, lost })],
  ];
}

function clusterRow({ cluster }: DaemonStatus, language: Language): Row {
  if (cluster === undefined) return ['unknown', 'cluster', words.notTold[language]];
  const { ready, message } = cluster;
  if (ready === 'True') return ['ok', 'cluster', 'Ready'];
  if (ready === 'Absent') return ['fail', 'cluster', words.absent[language]];
  return ['fail', 'cluster', `NotReady${suffix(message)}`];
}

function podsRow({ pods, health = [] }: DaemonStatus, language: Language): Row {
  if (pods === undefined) return ['unknown', 'pods', words.notAsked[language]];
  const isBad = health.some(({ code }) => code === 'NO_POD_RUNS');
  return [ok(!isBad), 'pods', say(words.pods, language, { ...pods })];
}

function addressRows({ addresses }: DaemonStatus, language: Language): readonly Row[] {
  if (addresses === undefined) return [];
  const { refused } = addresses;
  if (refused === undefined) return [['ok', 'addresses', addresses.addresses.join(', ')]];
  return [['fail', 'addresses', say(words.addressRefused, language, refused)]];
}

/** Only when another host has the key, too. */
function identityRows({ conflict }: DaemonStatus, language: Language): readonly Row[] {
  if (conflict === undefined) return [];
  const { code, values } = conflict;
  const { message, remedy } = Fault.fromWire({ code, values }).explain(language);
  return [['fail', 'identity', `${code}: ${message}\n       → ${remedy}`]];
}

function way({ gateway, tunnel }: DaemonStatus, language: Language): string {
  const replica = tunnel.replica === '' ? '' : say(words.replica, language, { replica: tunnel.replica });
  const proxy = tunnel.proxy === '' ? '' : say(words.proxy, language, { proxy: tunnel.proxy });
  return `${gateway}${replica}${proxy}`;
}

function serviceRow(
  title: 'kubelet' | 'containerd',
  isHealthy: boolean | undefined,
  language: Language,
): Row {
  if (isHealthy === undefined) return ['unknown', title, words.notAsked[language]];
  return [ok(isHealthy), title, words[isHealthy ? 'healthy' : 'unhealthy'][language]];
}

/** The last look; what is bad about it is told below once it lasts. */
function lineRow(line: NonNullable<DaemonStatus['line']>, language: Language): Row {
  const isReached = line.hops.every(({ fault }) => fault === undefined);
  return [ok(isReached), 'line', renderLine(line, language).replace(/\[\w+\] +/, '')];
}

function versionRows({ versions, upgrades, drift }: DaemonStatus, language: Language): readonly Row[] {
  const standing = drift.filter(({ repaired }) => !repaired);
  const inUse = Object.entries(versions).map(([component, version]) => `${component} ${version}`);
  return [
    ['ok', 'versions', inUse.join(', ') || '-'],
    ...upgrades.map(
      ({ component, from, to, state, code, detail }): Row => [
        ok(state === 'trying' || state === 'waiting'),
        'upgrade',
        `${component}${from === '-' ? '' : ` ${from} → ${to}`}: ${state}${code ? ` (${code})` : ''}${suffix(detail ?? '')}`,
      ],
    ),
    [
      ok(standing.length === 0),
      'drift',
      standing.map(({ key, reason }) => `${key} (${reason})`).join(', ') || words.none[language],
    ],
  ];
}

/** Only while there are any. */
function downloadRows({ store: { files, bytes } }: DaemonStatus, language: Language): readonly Row[] {
  const mebibytes = Math.ceil(bytes / 1024 ** 2);
  return files === 0 ? [] : [['ok', 'downloads', say(words.downloads, language, { files, mebibytes })]];
}

/** What ails the node, the causes first; a consequence in one line. */
function renderFindings({ health = [] }: DaemonStatus, language: Language): string {
  const lines = health.map((finding) => {
    const { code, severity, since, cause } = finding;
    const mark = severity === 'critical' ? '[fail]' : '[warn]';
    const head = `${mark} ${code}  ${say(words.since, language, { since })}`;
    if (cause !== undefined) return `${head}  ${say(words.becauseOf, language, { cause })}\n`;
    const { message, remedy } = textsOf(finding, language);
    return `${head}\n       ${message}\n       → ${remedy}\n`;
  });
  return lines.join('');
}

function streamFigures({ streams, unacknowledgedBytes, unacknowledgedLimitBytes }: DaemonStatus['tunnel']) {
  const kib = (bytes: number) => Math.ceil(bytes / 1024);
  return { streams, keptKib: kib(unacknowledgedBytes), limitKib: kib(unacknowledgedLimitBytes) };
}

function ok(isOk: boolean): Verdict {
  return isOk ? 'ok' : 'fail';
}

function suffix(detail: string): string {
  return detail === '' ? '' : `: ${detail}`;
}
