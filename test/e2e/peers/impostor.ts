// A host that says it is something else: it joins with whatever name, addresses and machine id it is told,
// and counts what comes through the tunnel that it gets. A program for Peer.
import net, { type AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { TunnelIdentity } from '../../../agent/tunnel/dial.ts';
import { createTunnel } from '../../../agent/tunnel/tunnel.ts';
import { type JoinAttempt, type Stated, tryToJoin, type Way } from './joining.ts';
import { obey } from './peer.ts';

export type ImpostorOrder =
  | ({ readonly kind: 'join'; readonly name: string } & Way & Stated)
  | ({ readonly kind: 'tunnel'; readonly name: string } & Pick<Way, 'url'>)
  | { readonly kind: 'received' };

export type Attempted = Omit<JoinAttempt, 'identity'>;

const identities = new Map<string, TunnelIdentity>();
let received = 0;
const trap = net.createServer((socket) => {
  received += 1;
  socket.on('error', () => {});
  socket.end();
});
trap.listen(0, '127.0.0.1');

async function open(name: string, url: string): Promise<void> {
  const identity = identities.get(name);
  if (!identity) throw new Error(`${name} has not joined`);
  const tunnel = createTunnel({
    url,
    ...identity,
    nodeName: name,
    // It takes all that it can get.
    resolveTarget: () => ({ host: '127.0.0.1', port: (trap.address() as AddressInfo).port }),
    audit: () => {},
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
    environment: {},
  });
  tunnel.connect();
  await new Promise<void>((resolve) => {
    tunnel.onStateChange((state) => {
      if (state === 'Open') resolve();
    });
  });
}

obey<ImpostorOrder>(async (order) => {
  if (order.kind === 'received') return received;
  if (order.kind === 'tunnel') return open(order.name, order.url);
  const { identity, ...attempted } = await tryToJoin(order.name, order, order);
  if (identity) identities.set(order.name, identity);
  return attempted;
});
