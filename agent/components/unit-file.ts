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
}

/** The unit file, the link that starts it at boot, and the wish that it runs. */
export function runningUnit(file: UnitFile): Resource[] {
  const stamp = hashOf(JSON.stringify([file.unit, file.lasting ?? file.service, file.inputs])).slice(0, 16);
  return [
    { kind: 'file', path: `${paths.units}/${file.name}`, mode: 0o644, content: render(file, stamp) },
    ...startedAtBoot(file.name),
    { kind: 'unit', name: file.name, stamp },
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
