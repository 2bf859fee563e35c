// ./scripts/test after its setup: picks the parts, runs them in order of cost, says where the
// time went, and closes with `N passed, N failed`. What can't run here is named with its reason;
// with CI=true that is a failure.
import { readdirSync } from 'node:fs';
import { Interrupted } from '../machine/command.ts';
import { runProgram } from '../machine/program.ts';
import { createProgress } from '../machine/progress.ts';
import { stopChildren } from './children.ts';
import { prepareE2e, runE2e, tearDown } from './e2e.ts';
import { faultsOf, flakyFiles } from './flaky.ts';
import { lint } from './lint.ts';
import { prepareLint } from './packages.ts';
import { type Selection, select, UsageError } from './selection.ts';
import {
  add,
  type Counts,
  closingLine,
  nothing,
  oneFailure,
  type Phase,
  renderPhases,
  renderRemarks,
} from './tally.ts';
import { runVitest } from './vitest.ts';

const isRoot = process.getuid?.() === 0;
const inCi = process.env.CI === 'true';
const progress = createProgress();
const phases: Phase[] = [];
let counts = nothing;

process.chdir(new URL('../..', import.meta.url).pathname);
await runProgram({ name: 'scripts/test', onInterrupt: stopChildren }, async () => {
  const e2eFiles = readdirSync('test/e2e').flatMap((file) => /^(.*)\.test\.ts$/.exec(file)?.[1] ?? []);
  try {
    const selection = select(process.argv.slice(2), e2eFiles);
    if (selection.parts.has('e2e')) checkFlaky(e2eFiles);
    await runParts(selection);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`scripts/test: ${error.message}\n`);
    return 2;
  }
  if (counts.remarks.length > 0) process.stdout.write(`${renderRemarks(counts.remarks)}\n`);
  process.stdout.write(`${renderPhases(phases)}\n${closingLine(counts)}\n`);
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
});

/** The list of what may be run again is part of every run that could use it. */
function checkFlaky(e2eFiles: readonly string[]): void {
  for (const fault of faultsOf(flakyFiles, e2eFiles, new Date())) {
    process.stdout.write(`${fault}\n`);
    counts = add(counts, oneFailure(fault));
  }
}

async function runParts({ parts, e2eNames, full, from }: Selection): Promise<void> {
  const setupSeconds = Number(process.env.REGNODE_SETUP_SECONDS ?? 0);
  phases.push({ title: 'setup', milliseconds: setupSeconds * 1000 });
  if (parts.has('lint')) {
    await phase('lint: packages', () => prepareLint(isRoot, progress));
    await phase('lint', lint);
  }
  // In one run, so that the long property tests fill one core while the unit tests fill the others.
  const inProcess = (['unit', 'property'] as const).filter((name) => parts.has(name));
  if (inProcess.length > 0) await phase(inProcess.join(' and '), () => runVitest(inProcess));
  if (parts.has('unit') && !isRoot) {
    leftOut(
      'the unit tests that run install.sh on a throw-away machine',
      'they make an overlay mount, which needs root',
    );
  }
  if (!parts.has('e2e')) return;
  if (!isRoot) return leftOut('e2e', 'it makes network namespaces and containers, which needs root');
  if (!(await phase('e2e: prepare', () => prepareE2e(progress)))) return;
  try {
    const environment: Record<string, string> = full ? { REGNODE_FULL: '1', REGNODE_FROM: `${from}` } : {};
    await phase('e2e', () => runE2e(e2eNames, environment));
  } finally {
    await phase('e2e: tear down', tearDown);
  }
}

/** False when it broke off: that is one failure, and what builds on it is not tried. */
async function phase(title: string, action: () => Promise<Counts>): Promise<boolean> {
  const began = performance.now();
  try {
    counts = add(counts, await action());
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    const line = `${title}: ${error instanceof Error ? error.message : String(error)}`;
    process.stdout.write(`${line}\n`);
    counts = add(counts, oneFailure(line));
    return false;
  } finally {
    phases.push({ title, milliseconds: performance.now() - began });
  }
  return true;
}

function leftOut(what: string, reason: string): void {
  const line = `left out: ${what}, because ${reason}`;
  process.stdout.write(`${line}\n`);
  counts = add(counts, inCi ? oneFailure(line) : { ...nothing, skipped: 1 });
}
