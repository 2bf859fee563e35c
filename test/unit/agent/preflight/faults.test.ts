// One fault at a time on a host that is otherwise good (TencentOS 3.1 in a pool with Cilium): exactly the
// check that is meant finds it, in the words that are meant; its consequences are muted, and nobody else
// changes its verdict. The table covers every problem of the catalogue.
import { describe, expect, test } from 'vitest';
import type { PreflightContext } from '../../../../agent/preflight/check.ts';
import { type CheckCode, messages } from '../../../../agent/preflight/messages/index.ts';
import { registry } from '../../../../agent/preflight/registry.ts';
import { explainReport } from '../../../../agent/preflight/report.ts';
import type { CheckResult, PreflightReport } from '../../../../agent/preflight/report-schema.ts';
import { runPreflight } from '../../../../agent/preflight/runner.ts';
import { gatewayUrl, type HostPatch, withDistribution } from '../../../fixtures/distribution.ts';
import { faults, goodContext } from './faults.ts';

const good = (await check({}, goodContext)).checks;
const goodExternal = (await check({}, { ...goodContext, networkMode: 'external' })).checks;

test('the host is good without a fault', () => {
  expect(good.filter((result) => result.verdict === 'fail' || result.verdict === 'warn')).toEqual([]);
  expect(goodContext.gatewayUrl).toBe(gatewayUrl);
});

test('the table covers every problem of every check', () => {
  const covered = new Set(faults.map(({ code, problem }) => `${code} ${problem}`));
  const known = registry.flatMap(({ code }) =>
    Object.keys(messages[code].problems).map((problem) => `${code} ${problem}`),
  );
  expect(known.filter((one) => !covered.has(one))).toEqual([]);
});

describe.each(faults)('$code $problem', (fault) => {
  test(fault.what, async () => {
    const report = await check(fault.patch ?? {}, { ...goodContext, ...fault.context });
    const results = report.checks;
    const found = results.find((result) => result.code === fault.code);
    expect(found).toMatchObject({ verdict: fault.verdict, problem: fault.problem });
    const baseline = fault.context?.networkMode === 'external' ? goodExternal : good;
    expect(others(results, baseline, fault.code)).toEqual(fault.also ?? []);
    expectFilled(report, fault.code);
  });
});

/** Checks that say something else than on the good host, and are not muted by the fault's own. */
function others(
  results: readonly CheckResult[],
  baseline: readonly CheckResult[],
  code: CheckCode,
): readonly CheckCode[] {
  const before = new Map(baseline.map((result) => [result.code, result.verdict]));
  return results
    .filter((result) => result.code !== code && result.cause !== code)
    .filter((result) => result.verdict !== before.get(result.code))
    .map((result) => result.code);
}

/** No `{name}` is left in what people read. */
function expectFilled(report: PreflightReport, code: CheckCode): void {
  for (const language of ['en', 'zh'] as const) {
    const found = explainReport(report, language).checks.find((one) => one.code === code);
    expect(JSON.stringify([found?.message, found?.remedy, found?.commands])).not.toMatch(/\{\w+\}/);
  }
}

async function check(patch: HostPatch, context: PreflightContext): Promise<PreflightReport> {
  return withDistribution('tencentos-3.1', patch, (host) => runPreflight(host, context));
}
