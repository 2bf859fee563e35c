// A node that has joined like any other, and then does what it likes (attacks.ts). A program for Peer.
import type { TunnelIdentity } from '../../../agent/tunnel/dial.ts';
import { type Attack, type Target, withCertificate, withoutOne } from './attacks.ts';
import { joinAs, type Way } from './joining.ts';
import { obey } from './peer.ts';
import { pending } from './waiting.ts';

export type HostileOrder =
  | ({ readonly kind: 'join'; readonly name: string } & Way)
  | { readonly kind: 'pending' }
  | ({ readonly kind: 'attack'; readonly attack: Attack; readonly name: string } & Target);

const identities = new Map<string, TunnelIdentity>();

obey<HostileOrder>(async (order) => {
  if (order.kind === 'join') {
    identities.set(order.name, await joinAs(order.name, order));
    return undefined;
  }
  if (order.kind === 'pending') return pending();
  const target = { host: order.host, port: order.port };
  if (order.attack in withoutOne) return withoutOne[order.attack as keyof typeof withoutOne](target);
  const identity = identities.get(order.name);
  if (!identity) throw new Error(`${order.name} has not joined`);
  return withCertificate[order.attack as keyof typeof withCertificate](target, identity, identities);
});
