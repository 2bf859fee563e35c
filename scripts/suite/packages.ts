// Debian packages that the test run itself needs: as root they are installed, else the run says what is
// missing and the part that needs them fails by itself.
import { ensurePackages, missingPackages } from '../machine/apt.ts';
import type { Progress } from '../machine/progress.ts';
import { type Counts, nothing } from './tally.ts';

export async function prepareLint(isRoot: boolean, progress: Progress): Promise<Counts> {
  if (isRoot) await ensurePackages(['shellcheck'], progress);
  else for (const name of await missingPackages(['shellcheck'])) progress.line(`${name} is not installed`);
  return nothing;
}
