// Reads what the kernel says about its network: the names in /proc/net/dev, one line of `ip -o route get
// ADDRESS` (policy routing included). Pure.
import type { Route } from './host.ts';

/**
 * Not /sys/class/net: that shows the network namespace in which sysfs was mounted,
 * in a container another one.
 */
export function parseInterfaceNames(procNetDev: string): string[] {
  return procNetDev.split('\n').flatMap((line) => /^\s*([^\s:|][^:|]*):/.exec(line)?.[1] ?? []);
}

/** undefined when the line names no device. A local address is routed over `lo`. */
export function parseRoute(line: string): Route | undefined {
  const device = /\bdev (\S+)/.exec(line)?.[1];
  const source = /\bsrc (\S+)/.exec(line)?.[1];
  const gateway = /\bvia (?:inet6? )?(\S+)/.exec(line)?.[1];
  const mtu = /\bmtu (?:lock )?(\d+)/.exec(line)?.[1];
  if (device === undefined || source === undefined) return undefined;
  return {
    device,
    source,
    ...(gateway === undefined ? {} : { gateway }),
    ...(mtu === undefined ? {} : { mtuBytes: Number(mtu) }),
  };
}
