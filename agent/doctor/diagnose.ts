// The doctor's visit: look at every hop, name the first that is broken, compare it with when it last worked.
// Only reads, through a host that refuses everything else, and each question has a limit of time; what it
// writes is its own record, and that is `remember`'s, called by whoever may.
import type { Language } from '../../protocol/catalogue/fault.ts';
import type { Host } from '../host/host.ts';
import type { Verdict } from '../preflight/check.ts';
import { observe, type ReadingCommands, readingCommands } from '../preflight/observed-host.ts';
import { explainResult } from '../preflight/report.ts';
import { type BareResult, describeHost, runChecks } from '../preflight/runner.ts';
import { type JoinedNode, readJoinedNode } from '../state/joined-node.ts';
import { changesSince } from './changes.ts';
import { journalArguments, readEvents } from './events.ts';
import { doctorChecks, type HopName, hopNames, hops } from './hops.ts';
import { ctrArguments, ctrPrograms } from './observation/containerd.ts';
import { readRecord, updatedRecord, writeRecord } from './record.ts';
import { type DoctorReport, doctorSchemaVersion } from './report-schema.ts';
import { observeValues, type Values } from './values.ts';

export interface Diagnosis {
  readonly report: DoctorReport;
  /** Writes down which hops work, and with which values. */
  remember(): Promise<void>;
}

const ctrOnly = new RegExp(`^${ctrArguments.join(' ').replaceAll(/[.+]/g, '\\$&')}$`);
export const doctorCommands: ReadingCommands = {
  ...readingCommands,
  journalctl: journalArguments,
  ...Object.fromEntries(ctrPrograms.map((program) => [program, ctrOnly])),
};

/** Throws NOT_JOINED on a host that is no node. */
export async function diagnose(
  host: Host,
  language: Language,
  signal?: AbortSignal,
  checks = doctorChecks,
): Promise<Diagnosis> {
  const startedAtMs = host.clock.nowMs();
  const startedMs = host.clock.monotonicMs();
  const node = await readJoinedNode(host);
  const { identity } = node.state;
  const observed = observe(host, signal, doctorCommands);
  const [results, values, record] = await Promise.all([
    runChecks(checks, observed, contextOf(node), signal),
    observeValues(observed, node),
    readRecord(host, identity.nodeName),
  ]);
  const verdicts = hopNames.map((hop) => ({ hop, ...verdictOf(hop, results) }));
  const cause = causeOf(results);
  const since = cause === undefined ? undefined : record.hops[cause.hop]?.workedAtMs;
  const events =
    cause === undefined || since === undefined ? [] : await readEvents(observed, cause.hop, since);
  const report: DoctorReport = {
    schema: doctorSchemaVersion,
    verdict: cause === undefined ? 'well' : 'unwell',
    language,
    startedAt: new Date(startedAtMs).toISOString(),
    durationMs: Math.round(host.clock.monotonicMs() - startedMs),
    host: await describeHost(observed),
    node: { name: identity.nodeName, pool: identity.pool, gateway: identity.gatewayUrl },
    ...(cause && { cause }),
    changes: cause === undefined ? [] : changesSince(record, values, cause.hop),
    events: events.map(({ atMs, unit, text }) => ({ at: new Date(atMs).toISOString(), unit, text })),
    hops: verdicts.map(({ hop, verdict, results: own }) => {
      const workedAtMs = record.hops[hop]?.workedAtMs;
      return {
        hop,
        verdict,
        ...(workedAtMs !== undefined && { workedAt: new Date(workedAtMs).toISOString() }),
        checks: own.map((result) => explained(result, language)),
      };
    }),
  };
  const working = verdicts
    .filter(({ verdict }) => verdict === 'ok' || verdict === 'warn')
    .map(({ hop }) => hop);
  return { report, remember: () => remember(host, node, working, values) };
}

/** A check that broke is repeated by the doctor, not by preflight, which may not have it. */
function explained(result: BareResult, language: Language) {
  const told = explainResult({ ...result, ignored: false }, language);
  return result.problem === 'broken' ? { ...told, commands: ['regnode doctor --json'] } : told;
}

async function remember(
  host: Host,
  { state }: JoinedNode,
  working: readonly HopName[],
  values: Readonly<Record<HopName, Values>>,
): Promise<void> {
  const record = await readRecord(host, state.identity.nodeName);
  await writeRecord(host, updatedRecord(record, working, values, host.clock.nowMs()));
}

function contextOf(node: JoinedNode) {
  const { gatewayUrl, nodeName, pool } = node.state.identity;
  const caPem = node.identity?.caPem;
  return { gatewayUrl, nodeName, pool, node, ...(caPem !== undefined && { caPem }) };
}

/** A hop of which something was not looked at, because its cause is broken, is not known to work. */
function verdictOf(hop: HopName, all: readonly BareResult[]): { verdict: Verdict; results: BareResult[] } {
  const codes = new Set(hops[hop].map(({ code }) => code));
  const results = all.filter(({ code }) => codes.has(code));
  const has = (verdict: Verdict) => results.some((result) => result.verdict === verdict);
  const isMuted = results.some(({ cause }) => cause !== undefined);
  if (has('fail')) return { verdict: 'fail', results };
  if (isMuted || !(has('ok') || has('warn'))) return { verdict: 'skip', results };
  return { verdict: has('warn') ? 'warn' : 'ok', results };
}

function causeOf(results: readonly BareResult[]): DoctorReport['cause'] {
  for (const hop of hopNames) {
    for (const { code } of hops[hop]) {
      const isBroken = results.some((result) => result.code === code && result.verdict === 'fail');
      if (isBroken) return { hop, code };
    }
  }
  return undefined;
}
