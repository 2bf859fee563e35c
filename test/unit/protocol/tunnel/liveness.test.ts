// When to ask, when to doubt, when to give up.
import { expect, test } from 'vitest';
import { Liveness, type Verdict } from '../../../../protocol/tunnel/liveness.ts';

const limits = { pingIntervalMs: 10_000, suspectAfterMs: 3_000, deadAfterMs: 25_000 };

/** Checks exactly when it asks to be checked; PINGs are sent and never answered. */
function unanswered(liveness: Liveness, until: number): [number, Verdict][] {
  const verdicts: [number, Verdict][] = [];
  for (let now = liveness.nextCheckMs(); now <= until; now = liveness.nextCheckMs()) {
    const verdict = liveness.check(now);
    verdicts.push([now, verdict]);
    if (verdict === 'dead') break;
    if (verdict === 'ping') liveness.pinged(now);
    if (verdict === 'fine') break;
  }
  return verdicts;
}

test('silence: asked after 10 s, doubted 3 s later, dead at 25 s', () => {
  expect(unanswered(new Liveness(limits, 0), 60_000)).toEqual([
    [10_000, 'ping'],
    [13_000, 'suspect'],
    [20_000, 'ping'],
    [25_000, 'dead'],
  ]);
});

test('frames that nobody acknowledges are asked about after 3 s already', () => {
  const liveness = new Liveness(limits, 0);
  liveness.sent(1000);
  expect(unanswered(liveness, 60_000).slice(0, 2)).toEqual([
    [4000, 'ping'],
    [7000, 'suspect'],
  ]);
});

test('anything heard clears every doubt', () => {
  const liveness = new Liveness(limits, 0);
  liveness.sent(1000);
  liveness.heard(2000);
  expect(liveness.check(5000)).toBe('fine');
  expect(liveness.check(10_000)).toBe('ping');
});

test('a pause of this process is not held against the peer, for a while', () => {
  const liveness = new Liveness(limits, 0);
  liveness.paused(100_000);
  expect(liveness.check(100_000)).toBe('ping');
  liveness.pinged(100_000);
  expect(liveness.check(105_000)).not.toBe('dead');
  expect(liveness.check(106_001)).toBe('dead');
});
