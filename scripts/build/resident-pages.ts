// The agent's own addon (agent/host/resident-pages.c), compiled once per source text.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages } from '../machine/apt.ts';
import { cached } from '../machine/cache.ts';
import { run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';

const source = join(import.meta.dirname, '../../agent/host/resident-pages.c');
const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', '-s', '-fvisibility=hidden'];

/** The file of the addon. What it calls of Node.js is found when it is loaded. */
export async function residentPagesAddon(progress: Progress): Promise<string> {
  const key = createHash('sha256')
    .update(await readFile(source))
    .update(flags.join(' '))
    .digest('hex')
    .slice(0, 12);
  const folder = await cached(`resident-pages/${key}`, progress, async (staging) => {
    await ensurePackages(['gcc', 'libc6-dev'], progress);
    await run('gcc', [...flags, '-o', join(staging, 'resident-pages.node'), source]);
  });
  return join(folder, 'resident-pages.node');
}
