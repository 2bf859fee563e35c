// Puts the folders that a path needs before it, each once. They count as shared with others unless a
// component says that they are ours. A folder that exists already is never changed. Pure.
import { dirname } from 'node:path';
import type { Resource } from '../plan/resource.ts';

export function withParents(resources: readonly Resource[]): Resource[] {
  const own = new Set(
    resources.flatMap((resource) => (resource.kind === 'directory' ? [resource.path] : [])),
  );
  const placed = new Set<string>();
  const complete: Resource[] = [];
  for (const resource of resources) {
    if ('path' in resource) {
      for (const path of ancestors(resource.path)) {
        if (placed.has(path) || own.has(path)) continue;
        placed.add(path);
        complete.push({ kind: 'directory', path, mode: 0o755, content: 'shared' });
      }
      if (resource.kind === 'directory') {
        if (placed.has(resource.path)) continue;
        placed.add(resource.path);
      }
    }
    complete.push(resource);
  }
  return complete;
}

/** From the top down, without `/`. */
function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === '/' ? [] : [...ancestors(parent), parent];
}
