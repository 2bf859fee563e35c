// Everything that judges the sources without running them. Each tool prints its own findings; here they are
// only counted: a tool that finds something is one failure.
import { succeeds } from './children.ts';
import { type Counts, nothing } from './tally.ts';

const tools: readonly (readonly [command: string, ...args: string[]])[] = [
  ['biome', 'check', '.'],
  ['tsc', '-p', '.'],
  ['oxlint'],
  ['node', 'scripts/comments/main.ts', '--check'],
  ['knip'],
  ['knip', '--production'],
  ['scripts/lint-shell'],
];

export async function lint(): Promise<Counts> {
  const outcomes = await Promise.all(
    tools.map(async ([command, ...args]) => ({
      tool: [command, ...args].join(' '),
      fine: await succeeds(command, args),
    })),
  );
  const broken = outcomes.filter((outcome) => !outcome.fine).map((outcome) => outcome.tool);
  const remarks = broken.map((tool) => `lint: ${tool} found something (see above)`);
  return { ...nothing, passed: outcomes.length - broken.length, failed: broken.length, remarks };
}
