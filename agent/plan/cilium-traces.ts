// What Cilium puts into a host's kernel beside its own links and chains, found in what `tc` and `ip rule`
// print: programs on the host's own devices, and rules for its routing tables. Pure.

/** Cilium's programs carry its name, in older releases that of their object file. */
const programs = /\b(cil_|bpf_(netdev|overlay|host|lxc|network))/;
/** Routing tables of Cilium: its proxy's, and that of packets that leave a host by another device. */
const tables = /\blookup (2004|2005|2006)\b/;

export interface CiliumFilter {
  readonly direction: 'ingress' | 'egress';
  readonly preference: string;
}

/** Devices with a `clsact` discipline, from `tc qdisc show`. */
export function clsactDevices(qdiscs: string): string[] {
  return [...qdiscs.matchAll(/^qdisc clsact \S+ dev (\S+)/gm)].map(([, device]) => device ?? '');
}

/** Cilium's filters of one device and direction, from `tc filter show dev DEV ingress|egress`. */
export function ciliumFilters(filters: string, direction: CiliumFilter['direction']): CiliumFilter[] {
  const found = new Set<string>();
  for (const line of filters.split('\n')) {
    const preference = /\bpref (\d+)/.exec(line)?.[1];
    if (preference !== undefined && programs.test(line)) found.add(preference);
  }
  return [...found].map((preference) => ({ direction, preference }));
}

/** `ip rule` as lines without the spaces that vary. */
export function ruleLines(rules: string): string[] {
  return rules
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '))
    .filter(Boolean);
}

/** Arguments of `ip rule` that make the rules as they were before Cilium, one list a command. */
export function ruleChanges(now: readonly string[], before: readonly string[]): string[][] {
  const preferenceOf = (line: string) => /^(\d+):/.exec(line)?.[1] ?? '';
  const isLocal = (line: string) => /^\d+: from all lookup local$/.test(line);
  const fresh = now.filter((line) => !before.includes(line));
  const lostLocal = before.filter((line) => isLocal(line) && !now.includes(line));
  return [
    // The table of the host's own addresses first: without it nothing reaches the host.
    ...lostLocal.map((line) => ['add', 'preference', preferenceOf(line), 'lookup', 'local']),
    ...fresh
      .filter((line) => tables.test(line) || (isLocal(line) && lostLocal.length > 0))
      .map((line) => ['delete', 'preference', preferenceOf(line)]),
  ];
}
