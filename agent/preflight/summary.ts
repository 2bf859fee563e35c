// From single results to a verdict: pure. A host can join when no check has failed that was not ignored.
import type { ExitCode } from '../../protocol/catalogue/entry.ts';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { groups, type PreflightContext, type Verdict } from './check.ts';
import type { CheckCode } from './messages/index.ts';
import { type CheckResult, type PreflightReport, reportSchemaVersion } from './report-schema.ts';

interface Findings {
  readonly results: readonly CheckResult[];
  readonly leftOut: readonly CheckCode[];
  readonly context: PreflightContext;
  readonly failOnWarnings: boolean;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly host: PreflightReport['host'];
}

export function summarize(findings: Findings): PreflightReport {
  const { context, host, results } = findings;
  const counting = results.filter((result) => !result.ignored);
  const standing = counting.filter(
    (result) => result.verdict === 'fail' || (findings.failOnWarnings && result.verdict === 'warn'),
  );
  return {
    schema: reportSchemaVersion,
    verdict: standing.length === 0 ? 'can-join' : 'cannot-join',
    startedAt: new Date(findings.startedAtMs).toISOString(),
    durationMs: findings.durationMs,
    host,
    context: {
      ...(context.gatewayUrl !== undefined && { gatewayUrl: context.gatewayUrl }),
      ...(context.pool !== undefined && { pool: context.pool }),
      ...(context.nodeName !== undefined && { nodeName: context.nodeName }),
      ...(context.networkMode !== undefined && { networkMode: context.networkMode }),
      ...(context.kubernetesVersion !== undefined && { kubernetesVersion: context.kubernetesVersion }),
    },
    counts: {
      ok: count(counting, 'ok'),
      warn: count(counting, 'warn'),
      fail: count(counting, 'fail'),
      skip: count(counting, 'skip'),
      ignored: results.filter((result) => result.ignored && isBad(result.verdict)).length,
    },
    leftOut: [...findings.leftOut],
    firstToRepair: inOrderOfRepair(standing).map((result) => result.code),
    checks: [...results],
  };
}

/** Throws PREFLIGHT_FAILED when the host cannot join; what `join` calls before it does anything. */
export function assertCanJoin(report: PreflightReport): void {
  if (report.verdict === 'can-join') return;
  throw new Fault('PREFLIGHT_FAILED', {
    count: report.firstToRepair.length,
    codes: report.firstToRepair.join(', '),
  });
}

export function exitCodeOf(report: PreflightReport): ExitCode {
  return report.verdict === 'can-join' ? 0 : 3;
}

/** Failures before warnings, then in the order of the groups. */
function inOrderOfRepair(results: readonly CheckResult[]): readonly CheckResult[] {
  const rank = (result: CheckResult) =>
    (result.verdict === 'fail' ? 0 : groups.length) + groups.indexOf(result.group);
  return results.toSorted((a, b) => rank(a) - rank(b));
}

function count(results: readonly CheckResult[], verdict: Verdict): number {
  return results.filter((result) => result.verdict === verdict).length;
}

function isBad(verdict: Verdict): boolean {
  return verdict === 'warn' || verdict === 'fail';
}
