// Preflight's own checks, asked again on the living node: those of table.ts. A check that was muted by its
// cause, or could not look, has seen nothing.
import type { Host } from '../../host/host.ts';
import type { PreflightContext } from '../../preflight/check.ts';
import type { CheckResult } from '../../preflight/report-schema.ts';
import { runPreflight } from '../../preflight/runner.ts';
import type { HealthSource, Observation } from '../condition.ts';
import { repeatedChecks } from '../table.ts';

const everyMs = 5 * 60_000;
/** Skipped for a reason that will not change by itself: there is nothing to find fault with. */
const settledReasons: readonly (string | undefined)[] = ['notNeeded', 'joined', 'notCilium'];

export function preflightSource(host: Host, context: () => PreflightContext): HealthSource {
  return {
    name: 'preflight',
    everyMs,
    async look(_isVisible, signal) {
      const report = await runPreflight(host, context(), { only: repeatedChecks, signal });
      return signal.aborted ? [] : report.checks.map(observation);
    },
  };
}

function observation({ code, verdict, problem, reason, values, evidence }: CheckResult): Observation {
  if (verdict === 'ok') return { code, state: 'good' };
  if (verdict === 'skip') return { code, state: settledReasons.includes(reason) ? 'good' : 'unknown' };
  // A check that broke has not seen the host.
  if (problem === 'broken') return { code, state: 'unknown' };
  return { code, state: 'bad', problem, values: { ...evidence, ...values } };
}
