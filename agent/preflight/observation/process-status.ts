// The agent's own rights and limits, from /proc/self.
import type { Host } from '../../host/host.ts';

/** Numbers of capabilities(7). */
const capabilityNumbers = { NET_ADMIN: 12, SYS_ADMIN: 21, SYS_RESOURCE: 24 } as const;
export type Capability = keyof typeof capabilityNumbers;

/** Which of the capabilities the process lacks; undefined when /proc does not say. */
export async function missingCapabilities(
  host: Host,
  wanted: readonly Capability[],
): Promise<readonly Capability[] | undefined> {
  const mask = /^CapEff:\s*([0-9a-f]+)/m.exec((await host.files.readText('/proc/self/status')) ?? '')?.[1];
  if (mask === undefined) return undefined;
  const effective = BigInt(`0x${mask}`);
  return wanted.filter((name) => ((effective >> BigInt(capabilityNumbers[name])) & 1n) === 0n);
}

/** The hard limit of a row of /proc/self/limits, e.g. `Max open files`; Infinity when unlimited. */
export async function hardLimit(host: Host, row: string): Promise<number | undefined> {
  const limits = (await host.files.readText('/proc/self/limits')) ?? '';
  const line = limits.split('\n').find((one) => one.startsWith(row));
  const hard = line?.slice(row.length).trim().split(/\s+/)[1];
  if (hard === undefined) return undefined;
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
