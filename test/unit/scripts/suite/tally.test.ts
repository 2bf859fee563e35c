import { expect, test } from 'vitest';
import {
  add,
  closingLine,
  failedFiles,
  fromVitest,
  nothing,
  renderPhases,
  withoutFiles,
  wronglySkipped,
} from '../../../../scripts/suite/tally.ts';

test('a run that failed without a failed test is one failure', () => {
  expect(fromVitest({}, false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(fromVitest(undefined, false)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(fromVitest({ numPassedTests: 4, numFailedTests: 0 }, false)).toEqual({
    passed: 4,
    failed: 1,
    skipped: 0,
  });
});

test('failed tests are counted once', () => {
  expect(
    fromVitest({ numPassedTests: 4, numFailedTests: 2, numPendingTests: 1, numTodoTests: 1 }, false),
  ).toEqual({
    passed: 4,
    failed: 2,
    skipped: 2,
  });
});

test('only the test with real images of Cilium may be left out', () => {
  const result = (fullName: string, status: string) => ({ fullName, status });
  const report = {
    testResults: [
      { assertionResults: [result('real Cilium carries packets', 'pending'), result('a joins', 'passed')] },
      { assertionResults: [result('b leaves', 'skipped'), result('c is real Cilium', 'pending')] },
    ],
  };
  expect(wronglySkipped(report)).toEqual(['b leaves', 'c is real Cilium']);
  expect(wronglySkipped({})).toEqual([]);
});

test('a file that failed is left out of the counts of the first run, with all that it held', () => {
  const result = (status: string) => ({ fullName: status, status });
  const report = {
    numPassedTests: 3,
    numFailedTests: 1,
    testResults: [
      { name: '/a', status: 'passed', assertionResults: [result('passed'), result('pending')] },
      { name: '/b', status: 'failed', assertionResults: [result('failed'), result('passed')] },
      { name: '/c', status: 'failed', assertionResults: [] },
    ],
  };
  expect(failedFiles(report)).toEqual(['/b', '/c']);
  expect(fromVitest(withoutFiles(report, ['/b', '/c']), true)).toEqual({ passed: 1, failed: 0, skipped: 1 });
  expect(fromVitest(withoutFiles(report, ['/c']), false)).toEqual({ passed: 2, failed: 1, skipped: 1 });
  expect(failedFiles({})).toEqual([]);
});

test('the closing line', () => {
  expect(closingLine(nothing)).toBe('0 passed, 0 failed');
  expect(closingLine(add({ passed: 3, failed: 1, skipped: 0 }, { passed: 2, failed: 0, skipped: 4 }))).toBe(
    '5 passed, 1 failed, 4 skipped',
  );
});

test('the phases add up', () => {
  const text = renderPhases([
    { title: 'unit', milliseconds: 2500 },
    { title: 'e2e', milliseconds: 61_000 },
  ]);
  expect(text).toContain('unit');
  expect(text).toMatch(/total\s+1:03 min/);
});
