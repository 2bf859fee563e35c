// Credit: never negative, given back in quarters of the window, and smaller windows
// when many streams are open.
import { expect, test } from 'vitest';
import { ReceiveCredit, SendCredit, windowFor } from '../../../../protocol/tunnel/credit.ts';
import { defaultLimits } from '../../../../protocol/tunnel/limits.ts';

test('more than was granted cannot be spent', () => {
  const credit = new SendCredit();
  credit.grant(10);
  credit.spend(10);
  expect(() => credit.spend(1)).toThrow('credit of 0 bytes cannot pay 1');
});

test('the receiver notices the first byte too many', () => {
  const credit = new ReceiveCredit(100);
  expect(credit.receive(100)).toBe(true);
  expect(credit.receive(1)).toBe(false);
});

test('credit goes back in quarters of the window, and only what was taken', () => {
  const credit = new ReceiveCredit(100);
  credit.receive(60);
  expect(credit.consume(24)).toBe(0);
  expect(credit.consume(1)).toBe(25);
  expect(credit.receive(65)).toBe(true);
  expect(credit.receive(1)).toBe(false);
});

test('1,000 streams at a time stay within the budget plus the floor for each', () => {
  let granted = 0;
  const windows = Array.from({ length: 1000 }, () => {
    const window = windowFor(granted, defaultLimits);
    granted += window;
    return window;
  });
  expect(windows[0]).toBe(defaultLimits.streamCreditBytes);
  expect(windows.at(-1)).toBe(defaultLimits.streamCreditFloorBytes);
  expect(granted).toBeLessThan(
    defaultLimits.receiveBudgetBytes + 1000 * defaultLimits.streamCreditFloorBytes,
  );
});
