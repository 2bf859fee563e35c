// The resources of a systemd unit: its file, the link that starts it at boot, and whether it runs. The file
// carries a stamp, a hash over all that the process reads at start (see plan/kinds/unit.ts). It has only
// directives that systemd 219 understands or ignores with a warning. Pure.

import {
  assignment,
  line,
  type UnitSection,
  unitFile,
  unitOfPath,
  words,
} from '../../protocol/formats/systemd.ts';
import { paths } from '../config/paths.ts';
import { hashOf } from '../plan/backups.ts';
import { stampVariable } from '../plan/kinds/unit.ts';
import type { Resource } from '../plan/resource.ts';
import { startedAtBoot } from './trees.ts';

export interface UnitFile {
  readonly name: string;
  readonly unit: UnitSection;
  readonly service: UnitSection;
  /** Whatever else a running process depends on: contents of its configuration, hashes of its programs. */
  readonly inputs: readonly string[];
  /**
   * What counts of `service` for a restart, when some of it matters only to the first start; default: all.
   */
  readonly lasting?: UnitSection;
  /** False for one that leaves no process behind which could show its stamp. */
  readonly stamped?: boolean;
}

const note = 'Written by regnode; changed by hand it is set back.';
const install: UnitSection = [['WantedBy', words('multi-user.target')]];

export function runningUnit(file: UnitFile): Resource[] {
  const stamp = hashOf(JSON.stringify([file.unit, file.lasting ?? file.service, file.inputs])).slice(0, 16);
  const Service: UnitSection = [...file.service, ['Environment', assignment(stampVariable, stamp)]];
  const content = unitFile(note, { Unit: file.unit, Service, Install: install });
  return [
    { kind: 'file', path: `${paths.units}/${file.name}`, mode: 0o644, content },
    ...startedAtBoot(file.name),
    { kind: 'unit', name: file.name, ...(file.stamped === false ? {} : { stamp }) },
  ];
}

/**
 * A file system that is mounted now and at every boot; the unit's name is that of its
 * place, as systemd wants it.
 */
export function mountUnit(mount: { where: string; type: string; what: string; why: string }): Resource[] {
  const name = unitOfPath(mount.where, 'mount');
  const content = unitFile(note, {
    Unit: [['Description', line(`${mount.type} at ${mount.where} for ${mount.why} (regnode)`)]],
    Mount: [
      ['What', line(mount.what)],
      ['Where', line(mount.where)],
      ['Type', words(mount.type)],
    ],
    Install: install,
  });
  return [
    { kind: 'file', path: `${paths.units}/${name}`, mode: 0o644, content },
    ...startedAtBoot(name),
    { kind: 'unit', name },
  ];
}
