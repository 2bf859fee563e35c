// Begins to listen, or says in one line why not.
import type { AddressInfo, Server } from 'node:net';
import { Fault } from '../../protocol/catalogue/fault.ts';

/** `flag`: the one that names another address. */
export function listen(
  server: Server,
  at: { host: string; port: number },
  flag: string,
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const details: Record<string, string> = {
        EADDRINUSE: 'it is in use',
        EACCES: 'ports below 1024 need rights',
        EADDRNOTAVAIL: 'this machine has no such address',
      };
      const detail = details[cause.code ?? ''] ?? cause.message;
      reject(new Fault('PORT_TAKEN', { address: `${at.host}:${at.port}`, detail, flag }, { cause }));
    });
    server.listen(at.port, at.host, () => resolve(server.address() as AddressInfo));
  });
}

/** `ADDR:PORT`, `[V6]:PORT` or `:PORT`. */
export function parseListen(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) return undefined;
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
}
