// `node scripts/kubernetes/main.ts` makes sure that the Kubernetes binaries are there and prints their folder
// on stdout; progress goes to stderr.
import { runProgram } from '../machine/program.ts';
import { createProgress } from '../machine/progress.ts';
import { kubernetesBinaries } from './binaries.ts';

await runProgram({ name: 'scripts/kubernetes' }, async () => {
  process.stdout.write(`${await kubernetesBinaries(createProgress())}\n`);
  return 0;
});
