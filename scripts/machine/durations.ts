// How long scripts/quickstart took on this machine, kept in the cache: what it promises the next time is what
// it measured last. One line, `SECONDS HOSTS`, which scripts/quickstart reads.
import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from './cache.ts';

/** Whether the longest part of a first run has been done. */
export function hasKubernetes(): boolean {
  if (process.env.REGNODE_KUBERNETES_BIN) return true;
  const folder = join(cacheRoot(), 'kubernetes');
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith('v'));
}

/** From the start of the script until now. */
export async function rememberDuration(run: { isFirst: boolean; hosts: number }): Promise<void> {
  const setupSeconds = Number(process.env.REGNODE_SETUP_SECONDS ?? 0);
  const seconds = Math.ceil(setupSeconds + performance.now() / 1000);
  const file = join(cacheRoot(), run.isFirst ? 'quickstart-first-seconds' : 'quickstart-seconds');
  await writeFile(file, `${seconds} ${run.hosts}\n`);
}
