// Three projects: unit (mostly milliseconds), property (seconds), e2e (real hosts, needs root; each file
// builds its own sandbox, so files may run side by side).
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

// Left to itself vitest keeps one core for its own, which has nothing to do here.
const maxWorkers = availableParallelism();

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      // A limit for what hangs, not a measure of speed: two cores may be busy with other things.
      {
        test: {
          name: 'unit',
          expect: { requireAssertions: true },
          include: ['test/unit/**/*.test.ts'],
          globalSetup: ['test/setup/print-seed.ts'],
          setupFiles: ['test/setup/seed.ts', 'test/setup/as-found.ts', 'test/setup/no-defects.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // To load everything anew for each file took more than half of the processors' time.
          isolate: false,
          maxWorkers,
        },
      },
      {
        test: {
          name: 'property',
          expect: { requireAssertions: true },
          include: ['test/property/**/*.test.ts'],
          globalSetup: ['test/setup/print-seed.ts'],
          setupFiles: ['test/setup/seed.ts', 'test/setup/no-defects.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers,
          // Thousands of short runs: a fifth of their time was for collecting what they leave.
          execArgv: ['--max-semi-space-size=32'],
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          setupFiles: ['test/e2e/ledger.ts', 'test/e2e/testimony.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
          // Half of their time is waiting. With four, two slow cores ran into the limits of the tests.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          retry: 0,
        },
      },
    ],
  },
});
