// What every refusal owes: its code and a remedy, its exit code, no stack trace, and the host as it was.
import { expect } from 'vitest';
import type { CommandResult } from '../../scripts/machine/command.ts';
import type { SandboxHost } from '../../scripts/sandbox/host.ts';
import { difference, type Observation, observe } from './observation.ts';

export async function expectRefusal(
  { host, before }: { readonly host: SandboxHost; readonly before: Observation },
  result: CommandResult,
  code: string,
  exitCode: number,
): Promise<void> {
  const said = result.stdout + result.stderr;
  expect(said).toContain(code);
  expect(said).toMatch(/→|Nothing was run\./);
  expect(said).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(result.exitCode, said).toBe(exitCode);
  expect(difference(before, await observe(host))).toEqual([]);
}
