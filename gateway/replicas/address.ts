// Where the other replicas find the door, when nobody has said: the address that it listens on, or, if that
// is any, the first of this machine's that is not loopback (in a pod there is one).
import { networkInterfaces } from 'node:os';

export function ownAddress(
  { address, port }: { readonly address: string; readonly port: number },
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): string {
  const host = isAny(address) ? (firstExternal(interfaces) ?? '127.0.0.1') : address;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const isAny = (address: string) => address === '0.0.0.0' || address === '::';

function firstExternal(interfaces: ReturnType<typeof networkInterfaces>): string | undefined {
  const external = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid }) => !internal && !scopeid);
  return (external.find(({ family }) => family === 'IPv4') ?? external[0])?.address;
}
