// What a peer of a later release says, as far as this release knows it. Gateways are upgraded before their agents, replicas one after the
// other, and both may be put back: whatever has an agreed form must be read although it has grown. Keys that the schema
// doesn't name are left out at any depth; everything else is judged as strictly as before, and a person's input never comes here.
import type { z } from 'zod';

/** Like `schema.safeParse`. */
export function readFromPeer<T>(schema: z.ZodType<T>, value: unknown): z.ZodSafeParseResult<T> {
  const first = schema.safeParse(value);
  if (first.success || !first.error.issues.every(({ code }) => code === 'unrecognized_keys')) return first;
  const known = structuredClone(value);
  for (const issue of first.error.issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const place = at(known, issue.path);
    for (const key of issue.keys) delete place[key];
  }
  return schema.safeParse(known);
}

/** zod says where it found them, so there is an object. */
function at(value: unknown, path: readonly PropertyKey[]): Record<string, unknown> {
  let place = value as Record<PropertyKey, unknown>;
  for (const key of path) place = place[key] as Record<PropertyKey, unknown>;
  return place;
}
