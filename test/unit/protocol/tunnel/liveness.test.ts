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

test('silence: asked after 10.5 s, doubted 3 s later, dead at 25 s', () => {
  expect(unanswered(new Liveness(limits, 0), 60_000)).toEqual([
    [10_500, 'ping'],
    [13_500, 'suspect'],
    [21_000, 'ping'],
    [25_000, 'dead'],
  ]);
});

test('an agent, which asks every 5 s: doubted within 8.5 s of the last word, whenever it spoke itself', () => {
  for (let spokeMs = 0; spokeMs <= 8000; spokeMs += 250) {
    const liveness = new Liveness({ ...limits, pingIntervalMs: 5000 }, 0);
    if (spokeMs < 5250) liveness.sent(spokeMs);
    const doubted = unanswered(liveness, 60_000).find(([, verdict]) => verdict === 'suspect');
    expect(doubted?.[0], `spoke after ${spokeMs} ms`).toBeLessThanOrEqual(8500);
    expect(liveness.isSuspected).toBe(true);
    liveness.answered(9000);
    expect(liveness.isSuspected).toBe(false);
  }
});

test('frames that nobody acknowledges are asked about after 3 s already', () => {
  const liveness = new Liveness(limits, 0);
  liveness.sent(1000);
  expect(unanswered(liveness, 60_000).slice(0, 2)).toEqual([
    [4000, 'ping'],
    [7000, 'suspect'],
  ]);
});

test('an answer clears every doubt', () => {
  const liveness = new Liveness(limits, 0);
  liveness.sent(1000);
  liveness.answered(2000);
  expect(liveness.check(5000)).toBe('fine');
  expect(liveness.nextCheckMs()).toBe(12_500);
  expect(liveness.unansweredSinceMs).toBe(2000);
});

test('a line that loses one direction: what the peer asks of itself ends no doubt', () => {
  const liveness = new Liveness({ ...limits, pingIntervalMs: 5000 }, 0);
  expect(unanswered(liveness, 9000).at(-1)).toEqual([8250, 'suspect']);
  liveness.heard(10_500); // its own PING
  expect(liveness.isSuspected).toBe(true);
  expect(liveness.unansweredSinceMs).toBe(0);
});

test('its PING in the middle of a doubt puts it off by what an answer may wait behind it, and no more', () => {
  for (let askedMs = 0; askedMs <= 8250; askedMs += 250) {
    const liveness = new Liveness({ ...limits, pingIntervalMs: 5000 }, 0);
    const verdicts = unanswered(liveness, askedMs);
    if (!verdicts.some(([, verdict]) => verdict === 'suspect')) liveness.heard(askedMs);
    const [doubted] = unanswered(liveness, 60_000).find(([, verdict]) => verdict === 'suspect') ?? [8250];
    expect(doubted, `asked after ${askedMs} ms`).toBeLessThanOrEqual(13_500);
  }
});

test('a peer that speaks all the time and answers late is asked and not doubted', () => {
  const liveness = new Liveness(limits, 0);
  liveness.sent(0);
  for (let now = 500; now <= 60_000; now += 500) {
    liveness.heard(now);
    expect(liveness.check(now), `at ${now}`).toBe(now === 60_000 ? 'ping' : 'fine');
  }
});

test('a peer that says something every 10 s is asked once a minute', () => {
  const liveness = new Liveness(limits, 0);
  const asked: number[] = [];
  for (let now = 0; now <= 180_000; now += 500) {
    if (now % 10_000 === 0) liveness.heard(now);
    const verdict = liveness.check(now);
    if (verdict !== 'ping') continue;
    asked.push(now);
    liveness.pinged(now);
    liveness.heard(now);
  }
  expect(asked).toEqual([60_000, 120_000, 180_000]);
});

test('a pause of this process is not held against the peer, for a while', () => {
  const liveness = new Liveness(limits, 0);
  liveness.paused(100_000);
  expect(liveness.check(100_000)).toBe('ping');
  liveness.pinged(100_000);
  expect(liveness.check(105_000)).not.toBe('dead');
  expect(liveness.check(106_001)).toBe('dead');
});
