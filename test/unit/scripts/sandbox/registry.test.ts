// Two clones on one machine: both may have a sandbox of the same name, and each means its own.
import { realpath } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { isCalled, ownCheckout } from '../../../../scripts/sandbox/registry.ts';

const first = { id: '0a1b2c', name: 'quickstart', checkout: '/home/a/regnode' };
const second = { id: '3d4e5f', name: 'quickstart', checkout: '/home/b/regnode' };

test.each([first, second])('$checkout: a name means the sandbox of this checkout', (one) => {
  const called = [first, second].filter((other) => isCalled(other, 'quickstart', one.checkout));
  expect(called).toEqual([one]);
});

test('an id is the machine’s: it means one sandbox wherever it is asked for', () => {
  expect([first, second].filter((other) => isCalled(other, '3d4e5f', first.checkout))).toEqual([second]);
});

test('one that does not say where it comes from is called by its id only', () => {
  const { id, name } = first;
  expect(isCalled({ id, name }, name, first.checkout)).toBe(false);
  expect(isCalled({ id, name }, id, first.checkout)).toBe(true);
});

test('the checkout is this tree, without links', async () => {
  expect(await ownCheckout()).toBe(await realpath(process.cwd()));
});
