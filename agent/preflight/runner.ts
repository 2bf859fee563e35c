// Runs the selected checks and gathers one report. Checks that do not depend on each other run side by side;
// a failed cause mutes its consequences; a check that throws or hangs gets its own worst verdict with that as
// its evidence, and never takes the others with it. Nothing here prints, and nothing changes the host.
import type { Host } from '../host/host.ts';
import { type Check, type Outcome, ok, type PreflightContext, type Severity } from './check.ts';
import type { CheckCode } from './messages/index.ts';
import { observe } from './observed-host.ts';
import { registry } from './registry.ts';
import type { CheckResult, PreflightReport } from './report-schema.ts';
import { selectChecks } from './selection.ts';
import { summarize } from './summary.ts';

export interface PreflightOptions {
  /** Codes, ids or groups; with `only`, nothing else runs. An unknown name is the Fault CHECK_UNKNOWN. */
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  /** These run and are shown, and do not count towards the verdict. */
  readonly ignore?: readonly string[];
  readonly failOnWarnings?: boolean;
  readonly signal?: AbortSignal;
  /** Other checks than the registry's, for tests. */
  readonly checks?: readonly Check[];
}

/** Generous, for a host that is busy booting. A run ends within ten seconds; twenty where a check hangs. */
const defaultTimeoutMs = 8000;

export async function runPreflight(
  host: Host,
  context: PreflightContext = {},
  options: PreflightOptions = {},
): Promise<PreflightReport> {
  const { selected, leftOut, ignored } = selectChecks(options.checks ?? registry, options);
  const observed = observe(host, options.signal);
  const startedAtMs = host.clock.nowMs();
  const startedMs = host.clock.monotonicMs();
  const results = await runChecks(selected, observed, context, options.signal);
  return summarize({
    results: results.map((result) => ({ ...result, ignored: ignored.has(result.code) })),
    leftOut,
    context,
    failOnWarnings: options.failOnWarnings ?? false,
    startedAtMs,
    durationMs: Math.round(host.clock.monotonicMs() - startedMs),
    host: await describeHost(observed),
  });
}

export type BareResult = Omit<CheckResult, 'ignored'>;

/** What the doctor runs too, with checks of its own; `host` is one that can only be read. */
export function runChecks(
  checks: readonly Check[],
  host: Host,
  context: PreflightContext,
  signal: AbortSignal | undefined,
): Promise<readonly BareResult[]> {
  return runAll(checks, (check) => runOne(check, host, context, signal));
}

/** Starts each check as soon as its causes are known. */
function runAll(
  checks: readonly Check[],
  run: (check: Check) => Promise<BareResult>,
): Promise<readonly BareResult[]> {
  const byCode = new Map(checks.map((check) => [check.code, check]));
  const started = new Map<CheckCode, Promise<BareResult>>();
  const resultOf = (check: Check): Promise<BareResult> => {
    const known = started.get(check.code);
    if (known) return known;
    const causes = check.dependsOn.flatMap((code) => byCode.get(code) ?? []);
    const result = Promise.all(causes.map(resultOf)).then((found) => {
      const cause = found.find((one) => one.verdict === 'fail' || one.cause !== undefined);
      return cause ? muted(check, cause) : run(check);
    });
    started.set(check.code, result);
    return result;
  };
  return Promise.all(checks.map(resultOf));
}

async function runOne(
  check: Check,
  host: Host,
  context: PreflightContext,
  signal: AbortSignal | undefined,
): Promise<BareResult> {
  const startedMs = host.clock.monotonicMs();
  const timeoutMs = check.timeoutMs ?? defaultTimeoutMs;
  const attempt = () => bounded(check, timeoutMs, signal, () => check.run(host, context));
  const first = await attempt();
  // Everything began at once on a host that may be busy: by now most of the others have ended.
  const outcome = first === undefined ? await attempt() : first;
  return {
    ...named(check),
    ...capped(outcome ?? broken(check, `no result within ${timeoutMs} ms, twice`), check.severity),
    durationMs: Math.round(host.clock.monotonicMs() - startedMs),
  };
}

/** The outcome of `run`, or the exception that came instead; undefined: no answer in time. */
async function bounded(
  check: Check,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  run: () => Promise<Outcome>,
): Promise<Outcome | undefined> {
  const { promise: givenUp, resolve } = Promise.withResolvers<Outcome | undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  const abort = () => resolve(broken(check, 'the run was ended'));
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await Promise.race([
      run().catch((error: unknown) => broken(check, describeError(error))),
      givenUp,
    ]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function broken(check: Check, detail: string): Outcome {
  return {
    verdict: check.severity === 'blocking' ? 'fail' : 'warn',
    problem: 'broken',
    evidence: { measured: detail, threshold: '' },
    values: { detail },
  };
}

function muted(check: Check, cause: BareResult): BareResult {
  return {
    ...named(check),
    ...ok(''),
    verdict: 'skip',
    reason: 'muted',
    cause: cause.cause ?? cause.code,
    durationMs: 0,
  };
}

/** An advisory check cannot forbid a join, whatever it says. */
function capped(outcome: Outcome, severity: Severity): Outcome {
  return severity === 'advisory' && outcome.verdict === 'fail' ? { ...outcome, verdict: 'warn' } : outcome;
}

function named(check: Check): Pick<CheckResult, 'code' | 'id' | 'group' | 'severity'> {
  return { code: check.code, id: check.id, group: check.group, severity: check.severity };
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export async function describeHost(host: Host): Promise<PreflightReport['host']> {
  const [hostname, kernel, osRelease] = await Promise.all([
    host.hostname(),
    host.kernel(),
    host.files.readText('/etc/os-release').catch(() => undefined),
  ]);
  const prettyName = /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease ?? '')?.[1] ?? 'unknown';
  return { hostname, operatingSystem: prettyName, kernel: kernel.release, architecture: kernel.machine };
}
