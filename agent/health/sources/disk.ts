// Room where images, pods and our own memory lie. The kubelet evicts pods below a tenth (nodefs) and removes
// images below 15 %; this is said before, and is over only when there is clearly more again. Where logs,
// sockets and temporary files lie nobody evicts, and everything fails at once when it is full.
import { paths } from '../../config/paths.ts';
import type { Host, MountPoint } from '../../host/host.ts';
import { mountOf } from '../../host/mounts.ts';
import { withoutInodeLimit } from '../../preflight/observation/places.ts';
import type { HealthSource, Observation } from '../condition.ts';

const everyMs = 5_000;
const systemPlaces = ['/var/log', '/etc', '/run', '/tmp'];
const places = [paths.containerdData, paths.kubeletData, paths.state];
const raisePercent = 15;
const clearPercent = 20;
/** The kubelet's default for nodefs.available. */
const evictionPercent = 10;
/** Of the system's places: a small one is often nearly full, and well. */
const fullMiB = 16;
const roomyMiB = 32;
const raiseInodes = 10_000;
const clearInodes = 20_000;

export function diskSource(host: Host): HealthSource {
  return {
    name: 'disk',
    everyMs,
    async look(isVisible) {
      const mounts = await host.mounts();
      const rooms = await Promise.all(places.map((path) => roomAt(host, path, mounts)));
      const system = await Promise.all(systemPlaces.map((path) => roomAt(host, path, mounts)));
      return [
        spaceOf(rooms, isVisible('DISK_FILLING') ? clearPercent : raisePercent),
        fullOf(system, isVisible('SYSTEM_DISK_FULL') ? roomyMiB : fullMiB),
        inodesOf([...rooms, ...system], isVisible('INODES_FILLING') ? clearInodes : raiseInodes),
      ];
    },
  };
}

interface Room {
  readonly path: string;
  readonly percent: number;
  readonly freeMiB: number;
  /** Infinity on a file system that makes inodes as it needs them. */
  readonly freeInodes: number;
}

async function roomAt(host: Host, path: string, mounts: readonly MountPoint[]): Promise<Room> {
  const { totalBytes, freeBytes, freeInodes } = await host.files.space(path);
  const fileSystem = mountOf(await host.files.resolve(path), mounts)?.fileSystem ?? '';
  return {
    path,
    percent: totalBytes > 0 ? Math.round((freeBytes / totalBytes) * 1000) / 10 : 100,
    freeMiB: Math.floor(freeBytes / 1024 ** 2),
    freeInodes: withoutInodeLimit.includes(fileSystem) ? Number.POSITIVE_INFINITY : freeInodes,
  };
}

function spaceOf(rooms: readonly Room[], limitPercent: number): Observation {
  const code = 'DISK_FILLING';
  const [worst] = rooms.toSorted((a, b) => a.percent - b.percent);
  if (worst === undefined || worst.percent >= limitPercent) return { code, state: 'good' };
  const { path, percent, freeMiB } = worst;
  const values = { path, percent, freeMiB, evictionPercent };
  return { code, state: 'bad', values, ...(percent < evictionPercent && { severity: 'critical' as const }) };
}

function fullOf(rooms: readonly Room[], neededMiB: number): Observation {
  const code = 'SYSTEM_DISK_FULL';
  const [worst] = rooms.toSorted((a, b) => a.freeMiB - b.freeMiB);
  if (worst === undefined || worst.freeMiB >= neededMiB) return { code, state: 'good' };
  const { path, freeMiB } = worst;
  return { code, state: 'bad', values: { path, freeMiB, neededMiB } };
}

function inodesOf(rooms: readonly Room[], needed: number): Observation {
  const code = 'INODES_FILLING';
  const [worst] = rooms.toSorted((a, b) => a.freeInodes - b.freeInodes);
  if (worst === undefined || worst.freeInodes >= needed) return { code, state: 'good' };
  const { path, freeInodes } = worst;
  return { code, state: 'bad', values: { path, freeInodes, needed } };
}
