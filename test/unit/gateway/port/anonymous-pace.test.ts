// How often those may ask who show no certificate.
import { expect, test } from 'vitest';
import { AnonymousPace, anonymousLimits } from '../../../../gateway/port/anonymous-pace.ts';

const pace = () => new AnonymousPace({ each: { burst: 3, perSecond: 1 }, all: { burst: 5, perSecond: 2 } });

test('an address has its share, and gets it again with time; its whole IPv6 network is one', () => {
  const one = pace();
  const asked = (text: string, now = 0) => one.waitSeconds(text, now);
  expect(['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((text) => asked(text))).toEqual([0, 0, 0]);
  expect(asked('2001:db8::4')).toBe(1);
  expect(asked('2001:db8:0:1::1')).toBe(0);
  expect(asked('2001:db8::4', 1000)).toBe(0);
});

test('all of them have one, of which whoever is over its own takes nothing', () => {
  const one = pace();
  for (let times = 0; times < 100; times++) one.waitSeconds('192.0.2.1', 0);
  expect([one.waitSeconds('192.0.2.2', 0), one.waitSeconds('192.0.2.3', 0)]).toEqual([0, 0]);
  expect(one.waitSeconds('192.0.2.4', 0)).toBe(1);
  expect(one.waitSeconds('192.0.2.4', 500)).toBe(0);
});

test('five hundred hosts join at once from behind one address, thirty requests each', () => {
  const one = new AnonymousPace(anonymousLimits);
  const waits = Array.from({ length: 500 * 30 }, () => one.waitSeconds('192.0.2.1', 0));
  expect(Math.max(...waits)).toBe(0);
});
