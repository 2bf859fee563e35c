// The direct way of a CONNECT: to what is no registered node's, as the API server would go without us. It
// never leads back into this machine: not to loopback or link-local addresses (metadata services live there,
// and at a few others), not to the gateway's own ports, and the addresses of a name are looked at when it is
// dialled, so a name that changes its mind gains nothing.
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import net, { type Socket } from 'node:net';
import { canonicalAddress, unusableKind } from '../resources/address.ts';
import type { ConnectTarget } from './target.ts';

export interface DirectWay {
  /** Whether one of the gateway's own ports is there. */
  readonly isOwn: (address: string, port: number) => boolean;
  readonly lookup?: (host: string, options: LookupOptions & { all: true }, done: LookedUp) => void;
}

type LookedUp = (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void;

/** Those of Alibaba Cloud and of EC2 over IPv6; all others are link-local. */
const metadataServices = new Set(['100.100.100.200', 'fd00:ec2::254']);

/** undefined: it may be dialled. */
export function directObjection(
  address: string,
  port: number,
  { isOwn }: Pick<DirectWay, 'isOwn'>,
): string | undefined {
  const canonical = canonicalAddress(address);
  if (canonical === undefined) return 'it is no IP address';
  const kind = unusableKind(canonical);
  if (kind !== undefined) return `${canonical} is a ${kind} address`;
  if (metadataServices.has(canonical)) return `${canonical} is a cloud's metadata service`;
  return isOwn(canonical, port) ? `${canonical}:${port} is a port of this gateway` : undefined;
}

/** Emits `error` for what may not be dialled, as for what does not answer. */
export function dialDirectly({ host, port }: ConnectTarget, way: DirectWay): Socket {
  const resolve = way.lookup ?? lookup;
  return net.connect({
    ...{ host, port },
    allowHalfOpen: true,
    noDelay: true,
    // Not asked for an address, so that one is judged before.
    lookup: (name, options, done) => {
      resolve(name, { ...options, all: true }, (error, found) => {
        if (error) return done(error, '', 0);
        const objections = found.map(({ address }) => directObjection(address, port, way));
        const allowed = found.filter((_, index) => objections[index] === undefined);
        const [first] = allowed;
        if (first === undefined) return done(new Error(objections[0] ?? `${name} has no address`), '', 0);
        if (options.all) done(null, allowed);
        else done(null, first.address, first.family);
      });
    },
  });
}
