// What entries of the cache depend on that are made from this checkout, and how many of them are kept.
import type { Hash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot } from '../machine/cache.ts';

/** Names and contents of these files and of all below these folders. */
export async function hashSources(hash: Hash, checkout: string, sources: readonly string[]): Promise<void> {
  for (const source of sources) {
    const whole = join(checkout, source);
    const isFolder = (await stat(whole)).isDirectory();
    const files = isFolder ? (await readdir(whole, { recursive: true })).sort() : [''];
    for (const file of files) {
      if (isFolder && !/\.\w+$/.test(file)) continue;
      hash.update(`${source}/${file}\n`).update(await readFile(join(whole, file)));
    }
  }
}

/**
 * Of the entries in this folder of the cache those that were touched last are kept, and whatever is young.
 */
export async function forgetOldest(entries: string, kept: number, youngMs = 0): Promise<void> {
  const folder = join(cacheRoot(), entries);
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  for (const { name, at } of aged.sort((a, b) => b.at - a.at).slice(kept)) {
    if (Date.now() - at > youngMs) await rm(join(folder, name), { recursive: true, force: true });
  }
}
