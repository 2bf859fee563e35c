// What a network device really is, by /sys/class/net: names prove nothing. A tunnel may hide below a bridge, a
// bond or a VLAN, so the devices below are looked at as well.
import type { Host } from '../../host/host.ts';

/** `tunnel` is anything that wraps packets into other packets; `unknown` when /sys does not say. */
export type DeviceKind = 'physical' | 'virtual' | 'loopback' | 'tunnel' | 'unknown';

export interface DeviceNature {
  readonly kind: DeviceKind;
  /** What makes it so, e.g. `wireguard`, `tun`, `gre`; the device in question may be below the asked one. */
  readonly detail: string;
}

/** ARPHRD_* numbers (linux/if_arp.h) of links that are tunnels or dial-up lines. */
const tunnelTypes: Readonly<Record<number, string>> = {
  512: 'ppp',
  256: 'slip',
  768: 'ipip',
  769: 'ip6tnl',
  776: 'sit',
  778: 'gre',
  823: 'ip6gre',
  65534: 'tun, wireguard or xfrm',
};
/** DEVTYPE= of /sys/class/net/NAME/uevent. */
const tunnelDeviceTypes = ['wireguard', 'vxlan', 'geneve', 'ppp', 'gtp'];
const ethernet = 1;
const loopback = 772;
const deepest = 4;

export async function deviceNature(host: Host, device: string, depth = 0): Promise<DeviceNature> {
  const folder = `/sys/class/net/${device}`;
  const [typeText, uevent, isTun, hardware] = await Promise.all([
    host.files.readText(`${folder}/type`),
    host.files.readText(`${folder}/uevent`),
    host.files.exists(`${folder}/tun_flags`),
    host.files.exists(`${folder}/device`),
  ]);
  const deviceType = /^DEVTYPE=(.+)$/m.exec(uevent ?? '')?.[1] ?? '';
  const type = Number(typeText?.trim() ?? Number.NaN);
  if (isTun) return { kind: 'tunnel', detail: `${device}: tun/tap` };
  if (tunnelDeviceTypes.includes(deviceType)) return { kind: 'tunnel', detail: `${device}: ${deviceType}` };
  if (tunnelTypes[type] !== undefined) return { kind: 'tunnel', detail: `${device}: ${tunnelTypes[type]}` };
  if (type === loopback) return { kind: 'loopback', detail: `${device}: loopback` };
  if (type !== ethernet) return { kind: 'unknown', detail: `${device}: type ${typeText?.trim() ?? '?'}` };
  if (hardware) return { kind: 'physical', detail: device };
  return depth < deepest ? belowNature(host, device, deviceType, depth) : { kind: 'virtual', detail: device };
}

/**
 * A device stacked on others is a tunnel when one of those is; a bridge only when it has no other port, since the
 * taps of virtual machines hang beside the real port.
 */
async function belowNature(
  host: Host,
  device: string,
  deviceType: string,
  depth: number,
): Promise<DeviceNature> {
  const entries = (await host.files.list(`/sys/class/net/${device}`)) ?? [];
  const lower = entries.filter((name) => name.startsWith('lower_')).map((name) => name.slice(6));
  const natures = await Promise.all(lower.map((name) => deviceNature(host, name, depth + 1)));
  const tunnel = natures.find((nature) => nature.kind === 'tunnel');
  const isBridge = deviceType === 'bridge' || entries.includes('bridge');
  if (tunnel && (!isBridge || natures.every((nature) => nature.kind === 'tunnel'))) {
    return { kind: 'tunnel', detail: `${device} → ${tunnel.detail}` };
  }
  return { kind: 'virtual', detail: [device, deviceType].filter(Boolean).join(': ') };
}
