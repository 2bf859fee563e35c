// The network devices of this network namespace, as `ip -details link` tells them. Not /sys/class/net: inside
// a container that may show the devices of another namespace under the same names.
import type { Host } from '../../host/host.ts';

export interface Link {
  readonly name: string;
  readonly mtu: number;
  /** `UP`, `NO-CARRIER`, … */
  readonly flags: readonly string[];
  /** `ether`, `loopback`, `none`, `ppp`, `gre`, … */
  readonly type: string;
  readonly macAddress: string;
  /**
   * The driver's own word for a made-up device (`veth`, `tun`, `wireguard`, `vlan`, …); empty for hardware.
   */
  readonly kind: string;
  /** The device below a VLAN, macvlan, …; `if5` when it lives in another namespace. */
  readonly parent?: string;
  /** The bridge or bond that this device is a port of. */
  readonly master?: string;
}

const linksArguments = ['-o', '-d', 'link', 'show'] as const;

/** undefined when `ip` does not answer. */
export async function links(host: Host): Promise<readonly Link[] | undefined> {
  const { exitCode, stdout } = await host.processes.run('ip', linksArguments);
  return exitCode === 0 ? parseLinks(stdout) : undefined;
}

export async function linkNamed(host: Host, name: string): Promise<Link | undefined> {
  return (await links(host))?.find((link) => link.name === name);
}

/**
 * One line a device, `\` where it would be broken: `N: NAME@PARENT: <FLAGS> mtu 1500
 * …\ link/TYPE MAC …\ KIND …`.
 */
export function parseLinks(text: string): readonly Link[] {
  return text.split('\n').flatMap((line) => {
    const [head = '', address = '', ...details] = line.split('\\').map((part) => part.trim());
    const match = /^\d+: ([^\s:@]+)(?:@([^\s:]+))?: <([^>]*)> mtu (\d+)/.exec(head);
    const [, type, macAddress = ''] = /^link\/(\S+)(?: ([0-9a-f:]+))?/.exec(address) ?? [];
    if (match?.[1] === undefined || type === undefined) return [];
    const master = /\bmaster (\S+)/.exec(head)?.[1];
    return [
      {
        name: match[1],
        mtu: Number(match[4]),
        flags: match[3]?.split(',') ?? [],
        type,
        macAddress,
        kind: kindOf(details),
        ...(match[2] !== undefined && { parent: match[2] }),
        ...(master !== undefined && { master }),
      },
    ];
  });
}

const noKind = /^(altname|alias|addrgenmode|vf|prog|xdp|numtxqueues|\S+_slave)$/;

function kindOf(details: readonly string[]): string {
  const words = details.map((part) => part.split(' ')[0] ?? '');
  return words.find((word) => /^[a-z]/.test(word) && !noKind.test(word)) ?? '';
}
