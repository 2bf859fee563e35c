// Images and pods need room from the first hour on; the kubelet evicts pods when less than a tenth is free.
import { define, fail, ok } from '../check.ts';
import { places, roomAt } from '../observation/places.ts';

export const diskSpace = define({
  code: 'DISK_SPACE',
  id: 'disk-space',
  group: 'resources',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const rooms = await Promise.all(places.map((place) => roomAt(host, place)));
    const [tightest] = rooms.toSorted((a, b) => a.freeMiB - a.neededMiB - (b.freeMiB - b.neededMiB));
    if (tightest === undefined) return ok('');
    const { path, freeMiB, neededMiB } = tightest;
    const measured = `${path}: ${freeMiB} MiB`;
    return freeMiB < neededMiB
      ? fail('little', measured, `≥ ${neededMiB} MiB`, { path, freeMiB, neededMiB })
      : ok(measured, `≥ ${neededMiB} MiB`);
  },
});
