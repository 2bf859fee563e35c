// A defect that a test did not provoke fails it, wherever it was told: in the tunnel, in a request, in what
// nobody waits for. Files of one worker share what has been loaded, and this file runs again before each:
// what was seen is kept once, outside of it.
import { afterEach } from 'vitest';
import { type Defect, onDefect } from '../../protocol/defect.ts';

const place = globalThis as { regnodeDefects?: Defect[] };
if (place.regnodeDefects === undefined) {
  const seen: Defect[] = [];
  place.regnodeDefects = seen;
  onDefect((defect) => seen.push(defect));
}

afterEach(() => {
  const [first] = provoked();
  if (first) throw new Error(`a defect: ${first.where}`, { cause: first.error });
});

/** For a test that provokes them: all up to now, which then fail nothing. */
export function provoked(): Defect[] {
  return place.regnodeDefects?.splice(0) ?? [];
}
