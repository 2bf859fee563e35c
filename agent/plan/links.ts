// Which link hangs on which bridge, in what `ip -o link show` prints. Pure.

/** `7: veth12ab@if6: <…> mtu 1500 … master docker0 state UP …` → veth12ab on docker0. */
export function bridgesOf(links: string): ReadonlyMap<string, string> {
  const found = links.split('\n').flatMap((line) => {
    const [, name] = /^\d+: ([^\s:@]+)/.exec(line) ?? [];
    const [, bridge] = / master (\S+)/.exec(line) ?? [];
    return name === undefined || bridge === undefined ? [] : [[name, bridge] as const];
  });
  return new Map(found);
}
