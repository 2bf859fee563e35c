// What a peer of a later release says, as far as this release knows it. Gateways are upgraded before their
// agents, replicas one after the other, and both may be put back: whatever has an agreed form must be read
// although it has grown. Keys that the schema doesn't name are left out at any depth; everything else is
// judged as strictly as before, and a person's input never comes here. What is left out costs a copy of its
// surroundings only, and no recursion. No release adds thousands of keys: who sends them is refused as it is.
import type { z } from 'zod';

/** Like `schema.safeParse`. */
export function readFromPeer<T>(schema: z.ZodType<T>, value: unknown): z.ZodSafeParseResult<T> {
  const first = schema.safeParse(value);
  if (first.success || !first.error.issues.every(({ code }) => code === 'unrecognized_keys')) return first;
  if (unknownKeys(first.error.issues) > mostUnknownKeys) return first;
  const known = new Copies(value);
  for (const issue of first.error.issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const place = known.at(issue.path);
    for (const key of issue.keys) delete place[key];
  }
  return schema.safeParse(known.root);
}

const mostUnknownKeys = 1024;

function unknownKeys(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 0), 0);
}

type Place = Record<PropertyKey, unknown>;

/** A value of which only what is changed is copied, with the way that leads there. */
class Copies {
  root: Place;
  readonly #copies = new WeakSet<object>();

  constructor(value: unknown) {
    this.root = this.#copy(value);
  }

  /** zod says where it found something, so there is an object or an array. */
  at(path: readonly PropertyKey[]): Place {
    let place = this.root;
    for (const key of path) {
      const found = place[key] as Place;
      const own = this.#copies.has(found) ? found : this.#copy(found);
      place[key] = own;
      place = own;
    }
    return place;
  }

  #copy(value: unknown): Place {
    const copy = (Array.isArray(value) ? [...value] : { ...(value as Place) }) as Place;
    this.#copies.add(copy);
    return copy;
  }
}
