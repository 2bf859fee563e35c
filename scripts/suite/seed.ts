// The one number that all chance of a run of unit and property tests comes from: fast-check's, in every file.
// REGNODE_SEED repeats a run; without it each run has another.
import { randomInt } from 'node:crypto';

export const seedVariable = 'REGNODE_SEED';

/** A seed of fast-check's is a 32-bit integer. */
export function seedOf(given: string | undefined, fresh = () => randomInt(2 ** 31)): number {
  if (given === undefined || given === '') return fresh();
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed !== (seed | 0)) {
    throw new Error(
      `${seedVariable}=${given}: an integer of 32 bits is needed, as the run to repeat has printed it`,
    );
  }
  return seed;
}
