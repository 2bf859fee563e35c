// Versions as kernels, distributions, Kubernetes and artifacts write them: numbers at the
// front, anything behind. Pure.

/** `atLeast` belongs to it, `below` doesn't; without both it is every version. */
export interface VersionRange {
  readonly atLeast?: string;
  readonly below?: string;
}

/**
 * `5.4.119-19-0008` → [5, 4, 119]; `v1.20.2` → [1, 20, 2]; undefined when it does not begin with a number.
 */
export function parseVersion(text: string): readonly number[] | undefined {
  const match = /^v?(\d+(?:\.\d+)*)/.exec(text.trim());
  return match?.[1]?.split('.').map(Number);
}

/** Missing parts count as 0; a version that cannot be read is older than everything. */
export function isAtLeast(version: string, wanted: string): boolean {
  const have = parseVersion(version);
  const want = parseVersion(wanted) ?? [];
  if (have === undefined) return false;
  for (let part = 0; part < Math.max(have.length, want.length); part += 1) {
    const difference = (have[part] ?? 0) - (want[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

export function isWithin(version: string, { atLeast, below }: VersionRange): boolean {
  return (
    (atLeast === undefined || isAtLeast(version, atLeast)) &&
    (below === undefined || !isAtLeast(version, below))
  );
}

/** For people: `≥ 1.26`, `< 1.18`, `≥ 1.15, < 1.18`, `*`. */
export function describeRange({ atLeast, below }: VersionRange): string {
  if (atLeast === undefined) return below === undefined ? '*' : `< ${below}`;
  return below === undefined ? `≥ ${atLeast}` : `≥ ${atLeast}, < ${below}`;
}
