// Percentiles, jitter, the clock's offset, and the search for the largest size that passes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { largestOf } from '../../../../agent/line/path-mtu.ts';
import { clockOffset, percentile, summarizeRoundTrips } from '../../../../agent/line/statistics.ts';

describe('round trips', () => {
  test('none are no numbers', () => {
    expect(summarizeRoundTrips([])).toBeUndefined();
  });

  test('percentiles are values that were measured; jitter is the mean difference of neighbours', () => {
    expect(summarizeRoundTrips([10, 12, 11, 50])).toEqual({
      minMs: 10,
      p50Ms: 11,
      p90Ms: 50,
      p99Ms: 50,
      maxMs: 50,
      jitterMs: 14,
    });
    expect(summarizeRoundTrips([7])?.jitterMs).toBe(0);
  });

  test('percentiles never leave the range and never fall', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e4, noNaN: true }), { minLength: 1 }), (values) => {
        const sorted = values.toSorted((a, b) => a - b);
        const found = [0, 1, 50, 90, 99, 100].map((percent) => percentile(sorted, percent));
        expect(found).toEqual(found.toSorted((a, b) => a - b));
        expect(found[0]).toBe(sorted[0]);
        expect(found.at(-1)).toBe(sorted.at(-1));
      }),
    );
  });
});

describe('the clock', () => {
  test('is judged by the sample with the shortest way; ahead is positive', () => {
    const sample = (offsetMs: number, thereMs: number, backMs: number) => {
      const sent = 1_000_000 + offsetMs;
      const received = 1_000_000 + thereMs;
      const times = [sent, received, received + 1, 1_000_000 + thereMs + 1 + backMs + offsetMs] as const;
      return { times, roundTripMs: thereMs + 1 + backMs };
    };
    const found = clockOffset([sample(3600_000, 300, 1), sample(3600_000, 5, 5), sample(3600_000, 1, 200)]);
    expect(found).toEqual({ offsetMs: 3600_000, uncertaintyMs: 6, samples: 3 });
    expect(clockOffset([sample(-250, 4, 4)])?.offsetMs).toBe(-250);
  });

  test('the truth is within the uncertainty, whatever the ways there and back', () => {
    const way = fc.double({ min: 0, max: 500, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: -1e6, max: 1e6 }),
        fc.array(fc.tuple(way, way), { minLength: 1 }),
        (truth, ways) => {
          const samples = ways.map(([there, back]) => {
            const times = [truth, there, there + 1, there + 1 + back + truth] as const;
            return { times, roundTripMs: there + 1 + back };
          });
          const { offsetMs, uncertaintyMs } = clockOffset(samples) ?? {
            offsetMs: Number.NaN,
            uncertaintyMs: 0,
          };
          expect(Math.abs(offsetMs - truth)).toBeLessThanOrEqual(uncertaintyMs);
        },
      ),
    );
  });

  test('without a sample there is no offset', () => {
    expect(clockOffset([])).toBeUndefined();
  });
});

test('the search finds the largest that passes, in few tries', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 500, max: 9300 }), async (limit) => {
      let tries = 0;
      const found = await largestOf(576, 9216, async (bytes) => {
        tries += 1;
        return bytes <= limit;
      });
      expect(found).toBe(limit < 576 ? undefined : Math.min(limit, 9216));
      expect(tries).toBeLessThanOrEqual(16);
    }),
  );
});
