import { expect, test } from 'vitest';
import {
  add,
  closingLine,
  failedFiles,
  failuresOf,
  fromVitest,
  nothing,
  oneFailure,
  renderPhases,
  renderRemarks,
  withoutFiles,
  wronglySkipped,
} from '../../../../scripts/suite/tally.ts';

test('a run that failed without a failed test is one failure', () => {
  const remarks = ['vitest: an error outside of any test (see above)'];
  expect(fromVitest({}, false)).toEqual({ passed: 0, failed: 1, skipped: 0, again: 0, remarks });
  expect(fromVitest(undefined, false)).toEqual({ passed: 0, failed: 1, skipped: 0, again: 0, remarks });
  expect(fromVitest({ numPassedTests: 4, numFailedTests: 0 }, false)).toEqual({
    passed: 4,
    failed: 1,
    skipped: 0,
    again: 0,
    remarks,
  });
});

test('failed tests are counted once', () => {
  expect(
    fromVitest({ numPassedTests: 4, numFailedTests: 2, numPendingTests: 1, numTodoTests: 1 }, false),
  ).toEqual({
    passed: 4,
    failed: 2,
    skipped: 2,
    again: 0,
    remarks: [],
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
  const without = (files: readonly string[], succeeded: boolean) =>
    fromVitest(withoutFiles(report, files), succeeded);
  expect(without(['/b', '/c'], true)).toMatchObject({ passed: 1, failed: 0, skipped: 1, remarks: [] });
  expect(without(['/c'], false)).toMatchObject({ passed: 2, failed: 1, skipped: 1 });
  expect(failedFiles({})).toEqual([]);
});

test('the closing line', () => {
  expect(closingLine(nothing)).toBe('0 passed, 0 failed');
  const one = { ...oneFailure('lint: broke off\nbecause'), passed: 3 };
  const both = add(one, { ...nothing, passed: 2, skipped: 4 });
  expect(closingLine(both)).toBe('5 passed, 1 failed, 4 skipped');
  expect(both.remarks).toEqual(['lint: broke off']);
  const again = { ...nothing, again: 1 };
  expect(closingLine(add(both, again))).toBe('5 passed, 1 failed, 4 skipped, 1 run again');
});

test('what failed, each with the first line of why', () => {
  const failed = (fullName: string, ...failureMessages: string[]) => ({
    fullName,
    status: 'failed',
    failureMessages,
  });
  const report = {
    testResults: [
      {
        name: '/checkout/test/e2e/leave.test.ts',
        status: 'failed',
        assertionResults: [
          failed(' a leave', '\u001b[31mError: waited\u001b[39m\nlog of the host', 'Error: besides'),
          { fullName: ' a join', status: 'passed', failureMessages: [] },
          failed(' another', 'Error: gone'),
          failed(
            ' chance',
            '\u001b[31mError\u001b[39m: Property failed after 3 tests\n{ seed: -12, path: "2:0:1", endOnFailure: true }',
          ),
        ],
      },
      {
        name: '/checkout/test/unit/a.test.ts',
        status: 'failed',
        message: 'no such module',
        assertionResults: [],
      },
    ],
  };
  const leave = [
    'e2e/leave > a leave: Error: waited | Error: besides',
    'e2e/leave > another: Error: gone',
    'e2e/leave > chance: Error: Property failed after 3 tests { seed: -12, path: "2:0:1" }',
  ];
  expect(failuresOf(report)).toEqual([...leave, 'unit/a: no such module']);
  expect(failuresOf(report, '/checkout/test/e2e/leave.test.ts')).toEqual(leave);
});

test('the list of what failed is never longer than what a log keeps', () => {
  const all = Array.from({ length: 100 }, (_, index) => `${index} ${'x'.repeat(1000)}`);
  const text = renderRemarks(all);
  expect(text.length).toBeLessThan(4000);
  const lines = text.split('\n');
  expect(lines[1]).toMatch(/^ {2}0 x+…$/);
  expect(lines.at(-1)).toBe(`  and ${all.length - (lines.length - 2)} more`);
  expect(renderRemarks(['a', 'b'])).toBe('what deserves a look:\n  a\n  b');
});

test('the phases add up', () => {
  const text = renderPhases([
    { title: 'unit', milliseconds: 2500 },
    { title: 'e2e', milliseconds: 61_000 },
  ]);
  expect(text).toContain('unit');
  expect(text).toMatch(/total\s+1:03 min/);
});
