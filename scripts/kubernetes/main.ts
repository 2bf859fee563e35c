// `node scripts/kubernetes/main.ts` makes sure that the Kubernetes binaries are there and prints their folder on
// stdout; progress goes to stderr.
import { createProgress } from '../machine/progress.ts';
import { kubernetesBinaries } from './binaries.ts';

try {
  process.stdout.write(`${await kubernetesBinaries(createProgress())}\n`);
} catch (error) {
  process.stderr.write(`scripts/kubernetes: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
