// The limits that need memory: they hold, they recover, and they forget.
import { expect, test } from 'vitest';
import { ConnectionCounter } from '../../../../gateway/serve/limits.ts';

test('connections are counted per address and given back', () => {
  const counter = new ConnectionCounter(2);
  expect([counter.take('a'), counter.take('a'), counter.take('a'), counter.take('b')]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  counter.release('a');
  expect([counter.take('a'), counter.take('a')]).toEqual([true, false]);
});
