// The cache outside the checkout (REGNODE_CACHE, else ~/.cache/regnode). An entry is a folder that is either
// whole or absent: it is made in a staging folder under the entry's lock and renamed into place, so two runs
// never make it twice and a killed run leaves only a staging folder that the next one removes.
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { acquireLock } from './lock.ts';
import type { Progress } from './progress.ts';

export function cacheRoot(): string {
  return process.env.REGNODE_CACHE || join(homedir(), '.cache', 'regnode');
}

/**
 * The folder of entry `name` (e.g. `kubernetes/v1.20.2-amd64`), made by
 * `make(stagingFolder)` when it is missing.
 */
export async function cached(
  name: string,
  progress: Progress,
  make: (staging: string) => Promise<void>,
): Promise<string> {
  const place = join(cacheRoot(), name);
  if (existsSync(place)) return place;
  const lock = await acquireLock(join(cacheRoot(), 'locks', `${name.replaceAll('/', '_')}.lock`), () =>
    progress.line(`waiting for another run that makes ${name}`),
  );
  try {
    if (existsSync(place)) return place;
    await mkdir(dirname(place), { recursive: true });
    // We hold the lock: whatever staging folder of this entry there is belongs to a run that was killed.
    for (const left of await readdir(dirname(place))) {
      if (left.startsWith(`.${basename(place)}.staging-`)) {
        await rm(join(dirname(place), left), { recursive: true, force: true });
      }
    }
    const staging = join(dirname(place), `.${basename(place)}.staging-${process.pid}`);
    try {
      await mkdir(staging);
      await make(staging);
      await rename(staging, place);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
    return place;
  } finally {
    await lock.release();
  }
}
