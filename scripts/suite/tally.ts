// Counts of what ran, and where the time went. The closing line of a run is made here and nowhere else:
// `N passed, N failed`, with `, N skipped` when something was.
import { clock } from '../machine/progress.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface Phase {
  readonly title: string;
  readonly milliseconds: number;
}

export const nothing: Counts = { passed: 0, failed: 0, skipped: 0 };

export function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/**
 * The counts of vitest's JSON report. `succeeded` is what its exit code said: a run that failed without a failed
 * test (a file that could not be loaded, an error outside of any test) still counts as one failure.
 */
export function fromVitest(report: unknown, succeeded: boolean): Counts {
  const number = (name: string) => {
    const value = (report as Record<string, unknown> | undefined)?.[name];
    return typeof value === 'number' ? value : 0;
  };
  const passed = number('numPassedTests');
  const failed = number('numFailedTests');
  const skipped = number('numPendingTests') + number('numTodoTests');
  return { passed, failed: failed === 0 && !succeeded ? 1 : failed, skipped };
}

/** The one test that needs what no machine here has: the images of a real Cilium. */
const mayBeSkipped = /^real Cilium /;

interface FileResult {
  /** Absolute path. */
  readonly name?: string;
  readonly status?: string;
  readonly assertionResults?: readonly { readonly fullName: string; readonly status: string }[];
}

interface Report {
  readonly testResults?: readonly FileResult[];
}

/** Paths of the test files of vitest's JSON report in which something failed, if only their loading. */
export function failedFiles(report: unknown): string[] {
  const { testResults = [] } = (report ?? {}) as Report;
  return testResults.flatMap(({ name, status }) => (name !== undefined && status === 'failed' ? [name] : []));
}

/** The same report as if these files had not been run, counted anew. */
export function withoutFiles(report: unknown, files: readonly string[]): unknown {
  const { testResults = [] } = (report ?? {}) as Report;
  const kept = testResults.filter(({ name = '' }) => !files.includes(name));
  const statuses = kept.flatMap(({ assertionResults = [] }) => assertionResults.map(({ status }) => status));
  const count = (...wanted: string[]) => statuses.filter((status) => wanted.includes(status)).length;
  return {
    testResults: kept,
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('pending', 'skipped'),
    numTodoTests: count('todo'),
  };
}

/** Full names of the tests of vitest's JSON report that were left out and must not be. */
export function wronglySkipped(report: unknown): string[] {
  const { testResults = [] } = (report ?? {}) as Report;
  return testResults
    .flatMap(({ assertionResults = [] }) => assertionResults)
    .filter(({ status }) => ['pending', 'skipped', 'todo'].includes(status))
    .map(({ fullName }) => fullName.trim())
    .filter((name) => !mayBeSkipped.test(name));
}

export function closingLine(counts: Counts): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`;
}

export function renderPhases(phases: readonly Phase[]): string {
  const total = phases.reduce((sum, phase) => sum + phase.milliseconds, 0);
  const width = Math.max(5, ...phases.map((phase) => phase.title.length));
  const row = (title: string, milliseconds: number) =>
    `  ${title.padEnd(width)}  ${clock(milliseconds).padStart(9)}`;
  return [
    'where the time went:',
    ...phases.map((p) => row(p.title, p.milliseconds)),
    row('total', total),
  ].join('\n');
}
