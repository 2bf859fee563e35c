// What a network device really is; its name proves nothing. A tunnel may hide below a bridge, a bond or a
// VLAN, so the devices below are looked at as well.
import type { Link } from './links.ts';

/** `tunnel` is anything that wraps packets into other packets; `unknown` when nobody can tell. */
type DeviceKind = 'physical' | 'virtual' | 'loopback' | 'tunnel' | 'unknown';

export interface DeviceNature {
  readonly kind: DeviceKind;
  /** What makes it so, e.g. `eth0: wireguard`; the device in question may be below the asked one. */
  readonly detail: string;
}

const tunnelKinds =
  /^(tun|tap|wireguard|ovpn|vxlan|geneve|gre|gretap|erspan|ip6gre|ip6gretap|ip6erspan|ipip|sit|ip6tnl|vti|vti6|xfrm|ppp|gtp|bareudp|amt|l2tp\w*)$/;
/** link/TYPE of devices without an Ethernet frame: tunnels and dial-up lines. */
const tunnelTypes = /^(none|ppp|slip|ipip|tunnel|tunnel6|sit|gre|gre6|ipgre|\[65534\])$/;
const frames = /^(ether|infiniband)$/;
const deepest = 4;

export function deviceNature(links: readonly Link[], name: string, depth = 0): DeviceNature {
  const link = links.find((one) => one.name === name);
  if (link === undefined) return { kind: 'unknown', detail: `${name}: ?` };
  const { kind, type } = link;
  if (tunnelKinds.test(kind)) return { kind: 'tunnel', detail: `${name}: ${kind}` };
  if (tunnelTypes.test(type)) return { kind: 'tunnel', detail: `${name}: ${kind || type}` };
  // L2TP makes Ethernet devices that say nothing of it but by their name.
  if (name.startsWith('l2tpeth')) return { kind: 'tunnel', detail: `${name}: l2tp` };
  if (type === 'loopback') return { kind: 'loopback', detail: `${name}: loopback` };
  if (!frames.test(type)) return { kind: 'unknown', detail: `${name}: link/${type}` };
  if (kind === '') return { kind: 'physical', detail: name };
  return (
    (depth < deepest && hiddenTunnel(links, link, depth)) || { kind: 'virtual', detail: `${name}: ${kind}` }
  );
}

/**
 * A device stacked on others is a tunnel when one of those is; a bridge only when it has no other port, since
 * the taps of virtual machines hang beside the real port.
 */
function hiddenTunnel(links: readonly Link[], link: Link, depth: number): DeviceNature | undefined {
  const ports = links.filter((one) => one.master === link.name).map((one) => one.name);
  const below = link.kind === 'veth' || link.parent === undefined ? ports : [...ports, link.parent];
  const natures = below.map((name) => deviceNature(links, name, depth + 1));
  const tunnels = natures.filter((nature) => nature.kind === 'tunnel');
  const [tunnel] = tunnels;
  if (tunnel === undefined || (link.kind === 'bridge' && tunnels.length < natures.length)) return undefined;
  return { kind: 'tunnel', detail: `${link.name} → ${tunnel.detail}` };
}
