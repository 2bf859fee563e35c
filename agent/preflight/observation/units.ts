// What systemd knows of the units that matter here, asked in one command.
import type { Host } from '../../host/host.ts';

const watched = [
  'kubelet',
  'containerd',
  'docker',
  'crio',
  'k3s',
  'k3s-agent',
  'rke2-agent',
  'edgecore',
  'firewalld',
  'nftables',
  'iptables',
  'chronyd',
  'chrony',
  'ntpd',
  'ntp',
  'ntpsec',
  'systemd-timesyncd',
] as const;
export type WatchedUnit = (typeof watched)[number];

export interface UnitState {
  readonly active: boolean;
  /** The file that defines the unit; empty when there is none. */
  readonly fragment: string;
}

const unitsCommand = `systemctl show --property=Id,ActiveState,FragmentPath ${watched
  .map((name) => `${name}.service`)
  .join(' ')}`;

/** A unit that systemd does not know, or a host whose systemd does not answer, gives an inactive one. */
export async function unitState(host: Host, unit: WatchedUnit): Promise<UnitState> {
  const [command = '', ...args] = unitsCommand.split(' ');
  const { stdout } = await host.processes.run(command, args);
  return parseUnits(stdout).get(`${unit}.service`) ?? { active: false, fragment: '' };
}

/** Blocks of `Key=value` lines with an empty line between. */
export function parseUnits(text: string): ReadonlyMap<string, UnitState> {
  const units = new Map<string, UnitState>();
  for (const block of text.split(/\n\s*\n/)) {
    const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(block)?.[1] ?? '';
    const id = value('Id');
    if (id === '') continue;
    const active = ['active', 'activating', 'reloading'].includes(value('ActiveState'));
    units.set(id, { active, fragment: value('FragmentPath') });
  }
  return units;
}
