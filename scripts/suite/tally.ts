// Counts of what ran, what failed, and where the time went. The closing lines of a run are made here and
// nowhere else; the last is `N passed, N failed`, with `, N skipped` and `, N run again` when something was.
import { stripVTControlCharacters } from 'node:util';
import { clock } from '../machine/progress.ts';

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Files that were run a second time (flaky.ts). */
  readonly again: number;
  /** What deserves a look: each failure with the first line of why, and what passed only at its second go. */
  readonly remarks: readonly string[];
}

export interface Phase {
  readonly title: string;
  readonly milliseconds: number;
}

export const nothing: Counts = { passed: 0, failed: 0, skipped: 0, again: 0, remarks: [] };

export function oneFailure(line: string): Counts {
  return { ...nothing, failed: 1, remarks: [firstLine(line)] };
}

export function add(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    again: a.again + b.again,
    remarks: [...a.remarks, ...b.remarks],
  };
}

/**
 * The counts of vitest's JSON report. `succeeded` is what its exit code said: a run that failed without a
 * failed test (a file that could not be loaded, an error outside of any test) still counts as one failure.
 */
export function fromVitest(report: unknown, succeeded: boolean): Counts {
  const number = (name: string) => {
    const value = (report as Record<string, unknown> | undefined)?.[name];
    return typeof value === 'number' ? value : 0;
  };
  const passed = number('numPassedTests');
  const failed = number('numFailedTests');
  const skipped = number('numPendingTests') + number('numTodoTests');
  const remarks = failuresOf(report);
  if (failed > 0 || succeeded) return { ...nothing, passed, failed, skipped, remarks };
  if (remarks.length === 0) remarks.push('vitest: an error outside of any test (see above)');
  return { ...nothing, passed, failed: 1, skipped, remarks };
}

/** The one test that needs what no machine here has: the images of a real Cilium. */
const mayBeSkipped = /^real Cilium /;

interface FileResult {
  /** Absolute path. */
  readonly name?: string;
  readonly status?: string;
  /**
   * Why the file itself failed, if it did: it could not be loaded, or what its tests share could not be made.
   */
  readonly message?: string;
  readonly assertionResults?: readonly TestResult[];
}

interface TestResult {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages?: readonly string[];
}

interface Report {
  readonly testResults?: readonly FileResult[];
}

/**
 * A file's tests stand in the order in which they ran: what comes after the first may only follow from it.
 */
export function failuresOf(report: unknown, onlyFile?: string): string[] {
  const { testResults = [] } = (report ?? {}) as Report;
  const wanted = testResults.filter(({ name }) => onlyFile === undefined || name === onlyFile);
  return wanted.flatMap(({ name = '', message = '', assertionResults = [] }) => {
    const file = name.replace(/^.*\/test\//, '').replace(/\.test\.ts$/, '');
    const own = message === '' ? [] : [`${file}: ${firstLine(message)}`];
    const failed = assertionResults.filter(({ status }) => status === 'failed');
    const why = ({ failureMessages = [] }: TestResult) => failureMessages.map(firstLineAndSeed).join(' | ');
    return [...own, ...failed.map((test) => `${file} > ${test.fullName.trim()}: ${why(test)}`)];
  });
}

const firstLine = (text: string) => stripVTControlCharacters(text).trim().split('\n', 1)[0] ?? '';

/** fast-check says in its second line how to see the same counterexample again. */
function firstLineAndSeed(text: string): string {
  const seed = /\{ seed: -?\d+, path: "[\d:]*"/.exec(stripVTControlCharacters(text))?.[0];
  return seed === undefined ? firstLine(text) : `${firstLine(text)} ${seed} }`;
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

const lineLength = 320;
const listLength = 3800;

/** Short enough to be whole at the end of a log of which only the end was kept. */
export function renderRemarks(remarks: readonly string[]): string {
  const lines = remarks.map(
    (line) => `  ${line.length > lineLength ? `${line.slice(0, lineLength)}…` : line}`,
  );
  let shown = 0;
  for (let length = 0; shown < lines.length; shown++) {
    length += (lines[shown]?.length ?? 0) + 1;
    if (length > listLength) break;
  }
  const more = lines.length > shown ? [`  and ${lines.length - shown} more`] : [];
  return ['what deserves a look:', ...lines.slice(0, shown), ...more].join('\n');
}

export function closingLine(counts: Counts): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
  const again = counts.again > 0 ? `, ${counts.again} run again` : '';
  return `${counts.passed} passed, ${counts.failed} failed${skipped}${again}`;
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
