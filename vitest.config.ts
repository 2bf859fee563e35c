// Three projects: unit (mostly milliseconds), property (seconds), e2e (real hosts, needs root; one file at a time
// builds its own sandbox, so files may run side by side).
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      // A limit for what hangs, not a measure of speed: two cores may be busy with other things.
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
      },
      { test: { name: 'property', include: ['test/property/**/*.test.ts'], testTimeout: 120_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
          maxWorkers: 3, // on two cores: most of their time is waiting, for outages and for pods
          retry: 0,
        },
      },
    ],
  },
});
