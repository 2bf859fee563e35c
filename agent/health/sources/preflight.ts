// Preflight's own checks, asked again on the living node: those of table.ts. A check that was muted by its
// cause, or could not look, has seen nothing.
import type { Host } from '../../host/host.ts';
import type { PreflightContext } from '../../preflight/check.ts';
import type { CheckCode } from '../../preflight/messages/index.ts';
import type { CheckResult } from '../../preflight/report-schema.ts';
import { runPreflight } from '../../preflight/runner.ts';
import type { HealthSource, Observation } from '../condition.ts';

/**
 * Checks that are asked together. What only reads files is asked often, what starts programs
 * when something has happened.
 */
const groups: readonly (Pick<HealthSource, 'name' | 'everyMs' | 'unsettledMs'> & {
  readonly codes: readonly CheckCode[];
})[] = [
  { name: 'host', everyMs: 10_000, codes: ['SWAP', 'FREE_PIDS'] },
  {
    ...{ name: 'link', everyMs: 60_000, unsettledMs: 2_000 },
    codes: ['GATEWAY_ROUTE', 'PRIVATE_LINE', 'LINK_STATE', 'LINK_SPEED', 'LINE_MTU', 'RESOLVER'],
  },
  { name: 'time', everyMs: 5 * 60_000, unsettledMs: 30_000, codes: ['TIME_SYNC'] },
];
/** Skipped for a reason that will not change by itself: there is nothing to find fault with. */
const settledReasons: readonly (string | undefined)[] = ['notNeeded', 'joined', 'notCilium'];

export function preflightSources(host: Host, context: () => PreflightContext): readonly HealthSource[] {
  return groups.map(({ codes, ...source }) => ({
    ...source,
    async look(_isVisible, signal) {
      const report = await runPreflight(host, context(), { only: codes, signal });
      return signal.aborted ? [] : report.checks.map(observation);
    },
  }));
}

function observation({ code, verdict, problem, reason, values, evidence }: CheckResult): Observation {
  if (verdict === 'ok') return { code, state: 'good' };
  if (verdict === 'skip') return { code, state: settledReasons.includes(reason) ? 'good' : 'unknown' };
  // A check that broke has not seen the host.
  if (problem === 'broken') return { code, state: 'unknown' };
  return { code, state: 'bad', problem, values: { ...evidence, ...values } };
}
