// Reads one line of `ip -o route get ADDRESS`; the kernel's own answer, policy routing included. Pure.

/** undefined when the line names no device. A local address is routed over `lo`. */
export function parseRoute(line: string): { device: string; source: string; gateway?: string } | undefined {
  const device = /\bdev (\S+)/.exec(line)?.[1];
  const source = /\bsrc (\S+)/.exec(line)?.[1];
  const gateway = /\bvia (?:inet6? )?(\S+)/.exec(line)?.[1];
  if (device === undefined || source === undefined) return undefined;
  return { device, source, ...(gateway === undefined ? {} : { gateway }) };
}
