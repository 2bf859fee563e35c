// Only what is listed may be run again, and no entry outlives its day.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { faultsOf, flakyFiles, mayRunAgain } from '../../../../scripts/suite/flaky.ts';

const today = new Date('2026-12-01T12:00:00Z');
const known = ['join', 'crash'];
const listed = { name: 'join', reason: 'the pod is late on a cold disk', until: '2026-12-01' };

test('an entry is good until the end of its day', () => {
  expect(faultsOf([listed], known, today)).toEqual([]);
  expect(faultsOf([listed], known, new Date('2026-12-02T00:00:00Z'))).toEqual([
    'e2e/join was allowed to be flaky until 2026-12-01: mend it (the pod is late on a cold disk)',
  ]);
});

test.each([
  [{ ...listed, name: 'gone' }, /does not exist/],
  [{ ...listed, until: 'soon' }, /no date/],
  [{ ...listed, reason: ' ' }, /without a reason/],
  [{ ...listed, until: '2027-03-01' }, /more than 30 days/],
])('%o is a failure', (entry, fault) => {
  expect(faultsOf([entry], known, today).join()).toMatch(fault);
});

test('only e2e files that are listed may be run again', () => {
  expect(mayRunAgain([listed], '/checkout/test/e2e/join.test.ts')).toBe(true);
  expect(mayRunAgain([listed], '/checkout/test/e2e/crash.test.ts')).toBe(false);
  expect(mayRunAgain([listed], '/checkout/test/unit/join.test.ts')).toBe(false);
  expect(mayRunAgain([], '/checkout/test/e2e/join.test.ts')).toBe(false);
});

test('the list of this tree names files that there are', () => {
  const files = readdirSync('test/e2e').flatMap((file) => /^(.*)\.test\.ts$/.exec(file)?.[1] ?? []);
  expect(faultsOf(flakyFiles, files, new Date()).filter((fault) => !/mend it/.test(fault))).toEqual([]);
});
