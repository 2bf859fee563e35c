// Unit test files share a process, one after the other: what a file changes of it would be the next
// one's. Stand-ins and fake timers end with their file here; a file that leaves environment or working
// directory changed fails by itself.
import { afterAll, expect, vi } from 'vitest';
import { memoryRules } from '../../protocol/tunnel/memory.ts';

const found = { environment: { ...process.env }, folder: process.cwd() };

afterAll(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  memoryRules.poison = false;
  const left = { environment: { ...process.env }, folder: process.cwd() };
  process.chdir(found.folder);
  for (const name of Object.keys(process.env)) if (!(name in found.environment)) delete process.env[name];
  Object.assign(process.env, found.environment);
  expect(left).toEqual(found);
});
