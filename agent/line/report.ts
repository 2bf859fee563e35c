// A measurement for people: one row a thing, its limit beside it, a verdict that is never colour alone; and
// one line for who looks again and again. Pure.

import { fill, type Language } from '../../protocol/catalogue/fault.ts';
import { vxlanOverheadBytes } from '../../protocol/line/thresholds.ts';
import type { NetworkMode } from '../../protocol/messages/desired.ts';
import type { HealthSeverity } from '../../protocol/messages/health.ts';
import { healthTable } from '../health/table.ts';
import { textsOf } from '../health/texts.ts';
import { displayWidth, pad, paint, wrap } from '../preflight/layout.ts';
import type { LineMeasurement } from '../state/line-measurement.ts';
import { judge, type LineCode } from './judge.ts';
import { hopTitles, rowTitles, words } from './words.ts';

export interface LineFinding {
  readonly code: LineCode;
  readonly severity: HealthSeverity;
  readonly values: Readonly<Record<string, string | number>>;
  readonly message: string;
  readonly remedy: string;
}

export function findingsOf(
  measurement: LineMeasurement,
  language: Language,
  network?: NetworkMode,
): readonly LineFinding[] {
  return judge(measurement, { network }).flatMap(({ code, state, values = {}, severity }) => {
    if (state !== 'bad') return [];
    const usual = healthTable.find((row) => row.code === code)?.severity ?? 'warning';
    return [
      { code: code as LineCode, severity: severity ?? usual, values, ...textsOf({ code, values }, language) },
    ];
  });
}

type Mark = 'ok' | 'warn' | 'fail' | 'skip';
interface Row {
  readonly mark: Mark;
  readonly title: string;
  readonly text: string;
}

const colors = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'gray' } as const;

export function renderMeasurement(
  measurement: LineMeasurement,
  language: Language,
  { color, network }: { color: boolean; network?: NetworkMode | undefined },
): string {
  const findings = findingsOf(measurement, language, network);
  const rows = [...hopRows(measurement, language), ...measuredRows(measurement, findings, language)];
  const width = Math.max(...rows.map(({ title }) => displayWidth(title)), 0);
  const lines = rows.map(
    ({ mark, title, text }) =>
      `  ${pad(paint(`[${mark}]`, colors[mark], color), 6)} ${pad(title, width)}  ${text}`,
  );
  const told = findings.flatMap(({ code, severity, message, remedy }) => [
    `  ${paint(severity === 'critical' ? '[fail]' : '[warn]', severity === 'critical' ? 'red' : 'yellow', color)} ${code}`,
    ...[message, `→ ${remedy}`].flatMap((text) => wrap(text, 90)).map((text) => `         ${text}`),
  ]);
  const { gatewayUrl, at, durationMs } = measurement;
  const took = fill(words.took[language], { seconds: (durationMs / 1000).toFixed(1) });
  const verdict = paint(
    verdictOf(measurement, findings, language),
    findings.length > 0 ? 'red' : 'green',
    color,
  );
  return [
    `regnode netcheck · ${gatewayUrl} · ${at} · ${took}`,
    lines.join('\n'),
    ...(told.length > 0 ? [told.join('\n')] : []),
    verdict,
  ].join('\n\n');
}

/**
 * One line of `netcheck --every`, where nobody watches:
 * `11:20:01Z [ok]   rtt 0.31/0.52/1.20 ms  ± 0.10  loss 0 %  mtu 1500  udp → open ← open  clock +0.2 ms`.
 */
export function renderLine(measurement: LineMeasurement, language: Language, network?: NetworkMode): string {
  const { at, roundTrip, lossPercent, pathMtu, udp, clock, hops, notMeasured } = measurement;
  const findings = findingsOf(measurement, language, network);
  const broken = hops.find(({ fault }) => fault !== undefined);
  const mark = findings.length === 0 ? '[ok]  ' : '[fail]';
  const parts = [
    `${at.slice(11, 19)}Z`,
    mark,
    ...(broken ? [`${hopTitles[broken.hop][language]}: ${broken.fault}`] : []),
    ...(broken === undefined && roundTrip === undefined && notMeasured[0]
      ? [`${words.notMeasured[language]}: ${notMeasured[0].reason}`]
      : []),
    ...(roundTrip
      ? [`rtt ${roundTrip.p50Ms}/${roundTrip.p90Ms}/${roundTrip.p99Ms} ms  jitter ${roundTrip.jitterMs}`]
      : []),
    ...(lossPercent === undefined ? [] : [`loss ${lossPercent} %`]),
    ...(pathMtu ? [`mtu ${pathMtu.bytes}`] : []),
    ...(udp ? [`udp → ${words[udp.outward][language]} ← ${words[udp.inward][language]}`] : []),
    ...(clock ? [`clock ${signed(clock.offsetMs)} ms ± ${clock.uncertaintyMs}`] : []),
    ...(findings.length === 0 ? [] : [findings.map(({ code }) => code).join(' ')]),
  ];
  return parts.join('  ');
}

function hopRows({ hops }: LineMeasurement, language: Language): readonly Row[] {
  return hops.map(({ hop, milliseconds, detail, fault }) => ({
    mark: fault === undefined ? 'ok' : 'fail',
    title: hopTitles[hop][language],
    text: [milliseconds === undefined ? '' : `${milliseconds} ms`, detail, fault ?? '']
      .filter(Boolean)
      .join('  '),
  }));
}

function measuredRows(
  measurement: LineMeasurement,
  findings: readonly LineFinding[],
  language: Language,
): readonly Row[] {
  const { roundTrip, lossPercent, pathMtu, udp, clock, throughput, thresholds, notMeasured } = measurement;
  const row = (title: string, text: string, ...codes: readonly LineCode[]): Row => {
    const found = findings.find(({ code }) => codes.includes(code));
    return {
      mark: found === undefined ? 'ok' : found.severity === 'critical' ? 'fail' : 'warn',
      title,
      text,
    };
  };
  const rows: Row[] = [];
  if (roundTrip) {
    const { p50Ms, p90Ms, p99Ms, maxMs, over, received, sent, jitterMs } = roundTrip;
    const percentiles = `p50 ${p50Ms}  p90 ${p90Ms}  p99 ${p99Ms}  max ${maxMs} ms  (≤ ${thresholds.rttMs})`;
    rows.push(row(rowTitles.roundTrip[language], `${percentiles}  ${over} ${received}/${sent}`, 'LINE_SLOW'));
    rows.push(row(rowTitles.jitter[language], `${jitterMs} ms  (≤ ${thresholds.jitterMs})`, 'LINE_JITTERY'));
  }
  if (lossPercent !== undefined) {
    rows.push(row(rowTitles.loss[language], `${lossPercent} %  (≤ ${thresholds.lossPercent})`, 'LINE_LOSSY'));
  }
  if (udp) {
    const title = fill(rowTitles.udp[language], { port: udp.port });
    const text = `→ ${words[udp.outward][language]}  ← ${words[udp.inward][language]}`;
    rows.push(row(title, text, 'LINE_UDP_BLOCKED', 'LINE_UDP_INBOUND_BLOCKED'));
  }
  if (pathMtu) {
    const fits = pathMtu.vxlanFits ? words.fits[language] : words.fitsNot[language];
    const text = `${pathMtu.bytes}  (${pathMtu.method})  ${fits}  (${pathMtu.podMtuBytes} + ${vxlanOverheadBytes})`;
    rows.push(row(rowTitles.pathMtu[language], text, 'LINE_VXLAN_TOO_LARGE'));
  }
  if (clock) {
    const text = `${signed(clock.offsetMs)} ms ± ${clock.uncertaintyMs}  (≤ ${thresholds.clockOffsetMs})`;
    rows.push(row(rowTitles.clock[language], text, 'CLOCK_SKEWED'));
  }
  if (throughput) {
    const { downMbps, upMbps, bytes } = throughput;
    const mebibytes = (bytes / 1024 ** 2).toFixed(1);
    const text = `↓ ${downMbps}  ↑ ${upMbps} Mbit/s  (≥ ${thresholds.throughputMbps})  ${mebibytes} MiB`;
    rows.push(row(rowTitles.throughput[language], text, 'LINE_THROUGHPUT_LOW'));
  }
  const missing = notMeasured.map(({ what, reason }): Row => {
    return { mark: 'skip', title: what, text: `${words.notMeasured[language]}: ${reason}` };
  });
  return [...rows, ...missing];
}

function verdictOf(
  measurement: LineMeasurement,
  findings: readonly LineFinding[],
  language: Language,
): string {
  if (measurement.refused !== undefined) return words.refused[language];
  if (findings.length > 0) {
    return fill(words.bad[language], { codes: findings.map(({ code }) => code).join(', ') });
  }
  const { length: count } = measurement.notMeasured;
  return count === 0 ? words.fine[language] : fill(words.partly[language], { count });
}

function signed(milliseconds: number): string {
  return milliseconds > 0 ? `+${milliseconds}` : String(milliseconds);
}
