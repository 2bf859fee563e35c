// Beside the error of an e2e test that failed stands what its sandbox says, as an error of its own, since an
// annotation of a test that has ended is refused: whether the gateway lives, and the last lines of the
// gateway's and of each host's log. It is heard before anything is put right for the next test.
import { afterEach, beforeEach } from 'vitest';
import { newDefects, testimony } from '../../scripts/sandbox/testimony.ts';

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    const said = await testimony();
    if (said === '') return;
    const error = new Error(said);
    error.name = 'Beside it';
    error.stack = `${error.name}: ${said}`; // where this line stands tells nobody anything
    throw error;
  });
});

/**
 * The gateway's and the agents' own mistakes fail the test that saw them, although they have outlived them.
 */
afterEach(async () => {
  const [first] = await newDefects();
  if (first !== undefined) throw new Error(`a defect: ${first}`);
});
