// The environment that makes one process believe that it is earlier or later; see shifted-clock.c.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages } from '../machine/apt.ts';
import { cached } from '../machine/cache.ts';
import { run } from '../machine/command.ts';
import { silentProgress } from '../machine/progress.ts';

export async function shiftedClock(seconds: number): Promise<Record<string, string>> {
  const source = join(import.meta.dirname, 'shifted-clock.c');
  const key = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 12);
  const folder = await cached(`shifted-clock/${key}`, silentProgress, async (staging) => {
    await ensurePackages(['gcc', 'libc6-dev'], silentProgress);
    await run('gcc', [
      '-O2',
      '-Wall',
      '-Wextra',
      '-shared',
      '-fPIC',
      '-o',
      join(staging, 'clock.so'),
      source,
    ]);
  });
  return { LD_PRELOAD: join(folder, 'clock.so'), CLOCK_SHIFT_SECONDS: String(seconds) };
}
