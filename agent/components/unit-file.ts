// Renders a systemd unit and gives it its stamp: a hash over all that the process reads at start (see
// plan/kinds/unit.ts). Only directives that systemd 219 understands or ignores with a warning. Pure.

import { paths } from '../config/paths.ts';
import { hashOf } from '../plan/backups.ts';
import { stampVariable } from '../plan/kinds/unit.ts';
import type { Resource } from '../plan/resource.ts';
import { startedAtBoot } from './trees.ts';

type Section = readonly (readonly [directive: string, value: string])[];

export interface UnitFile {
  readonly name: string;
  readonly unit: Section;
  readonly service: Section;
  /** Whatever else a running process depends on: contents of its configuration, hashes of its programs. */
  readonly inputs: readonly string[];
  /** What counts of `service` for a restart, when some of it matters only to the first start; default: all. */
  readonly lasting?: Section;
  /** False for one that leaves no process behind which could show its stamp. */
  readonly stamped?: boolean;
}

/** The unit file, the link that starts it at boot, and the wish that it runs. */
export function runningUnit(file: UnitFile): Resource[] {
  const stamp = hashOf(JSON.stringify([file.unit, file.lasting ?? file.service, file.inputs])).slice(0, 16);
  return [
    { kind: 'file', path: `${paths.units}/${file.name}`, mode: 0o644, content: render(file, stamp) },
    ...startedAtBoot(file.name),
    { kind: 'unit', name: file.name, ...(file.stamped === false ? {} : { stamp }) },
  ];
}

/** A file system that is mounted now and at every boot; the unit's name is that of its place, as systemd wants it. */
export function mountUnit(mount: { where: string; type: string; what: string; why: string }): Resource[] {
  const name = `${mount.where.slice(1).replaceAll('/', '-')}.mount`;
  const content = [
    '# Written by regnode; changed by hand it is set back.',
    '[Unit]',
    `Description=${mount.type} at ${mount.where} for ${mount.why} (regnode)`,
    '',
    '[Mount]',
    `What=${mount.what}`,
    `Where=${mount.where}`,
    `Type=${mount.type}`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
  return [
    { kind: 'file', path: `${paths.units}/${name}`, mode: 0o644, content },
    ...startedAtBoot(name),
    { kind: 'unit', name },
  ];
}

function render({ unit, service }: UnitFile, stamp: string): string {
  const section = (name: string, directives: Section) =>
    `[${name}]\n${directives.map(([directive, value]) => `${directive}=${value}\n`).join('')}`;
  return [
    '# Written by regnode; changed by hand it is set back.\n',
    section('Unit', unit),
    section('Service', [...service, ['Environment', `${stampVariable}=${stamp}`]]),
    section('Install', [['WantedBy', 'multi-user.target']]),
  ].join('\n');
}
