// Versions that are counted from one that a program says of itself. Pure.

/** `1.20.3` and 2: `1.20.5`. */
export function patched(version: string, by: number): string {
  const [major, minor, patch] = numbersOf(version);
  return `${major}.${minor}.${patch + by}`;
}

/** `1.20.3`: `1.21.0`. */
export function nextMinor(version: string): string {
  const [major, minor] = numbersOf(version);
  return `${major}.${minor + 1}.0`;
}

function numbersOf(version: string): [number, number, number] {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? [];
  if (patch === undefined) throw new Error(`${version} is no version such as 1.20.3`);
  return [Number(major), Number(minor), Number(patch)];
}
