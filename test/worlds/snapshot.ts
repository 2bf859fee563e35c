// A file tree as a list of lines: path, kind, mode, owner, content or target. Two trees are the same when
// their lists are; a difference reads like a diff.

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** `without`: paths that are left out with all below them. */
export function snapshot(root: string, without: readonly string[] = []): string[] {
  const lines: string[] = [];
  walk('/');
  return lines;

  function walk(folder: string): void {
    for (const name of readdirSync(join(root, folder)).sort()) {
      const path = join(folder, name);
      if (without.includes(path)) continue;
      const status = lstatSync(join(root, path));
      const owner = `${(status.mode & 0o7777).toString(8)} ${status.uid}:${status.gid}`;
      if (status.isSymbolicLink())
        lines.push(`${path} → ${readlinkSync(join(root, path))} ${status.uid}:${status.gid}`);
      else if (status.isDirectory()) lines.push(`${path}/ ${owner}`);
      else lines.push(`${path} ${owner} ${hash(join(root, path))}`);
      if (status.isDirectory()) walk(path);
    }
  }
}

function hash(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
}
