// What the e2e tests find ready when they start, and what is taken down after them: Kubernetes binaries from
// the cache, the payload that hosts install, and the templates that their sandboxes are copied from. A
// sandbox ends with the test process that made it; one that could not is found by its owner being gone.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../machine/progress.ts';
import { runAnyway, succeeds } from './children.ts';
import { readRows, renderRows } from './spent.ts';
import { type Counts, nothing, oneFailure } from './tally.ts';
import { runVitest } from './vitest.ts';

const steps: readonly (readonly [title: string, script: string, ...args: string[]])[] = [
  ['Kubernetes binaries', 'scripts/kubernetes/main.ts'],
  // The RPM's own test makes its RPMs.
  ['the payload of a host', 'scripts/build/main.ts', '--no-rpm'],
  ['the templates of sandboxes', 'scripts/sandbox/main.ts', 'prepare'],
];

export async function prepareE2e(progress: Progress): Promise<Counts> {
  for (const [title, script, ...args] of steps) {
    const made = await progress.step(title, () => succeeds('node', [script, ...args]));
    if (!made) throw new Error(`${script} failed (see above): the e2e tests need ${title}`);
  }
  return nothing;
}

/** Empty `names` means all files. */
export async function runE2e(
  names: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Counts> {
  const ledger = await mkdtemp(join(tmpdir(), 'regnode-ledger-'));
  try {
    const files = names.map((name) => `test/e2e/${name}.test.ts`);
    const counts = await runVitest(['e2e'], files, { REGNODE_SUITE_LEDGER: ledger, ...environment });
    process.stdout.write(`${renderRows(await readRows(ledger))}\n`);
    return counts;
  } finally {
    await rm(ledger, { recursive: true, force: true });
  }
}

/** Also after Ctrl-C. */
export async function tearDown(): Promise<Counts> {
  const clean = await runAnyway('node', ['scripts/sandbox/main.ts', 'down']);
  return clean ? nothing : oneFailure('e2e: tear down: something was left (see above)');
}
