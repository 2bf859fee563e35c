// An unpacked image is tens of thousands of small files. btrfs makes inodes as it needs them and says 0.
import { define, fail, ok, skip, warn } from '../check.ts';
import { places, roomAt, withoutInodeLimit } from '../observation/places.ts';

const needed = 20_000;
const recommended = 200_000;

export const diskInodes = define({
  code: 'DISK_INODES',
  id: 'disk-inodes',
  group: 'resources',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const rooms = await Promise.all(places.map((place) => roomAt(host, place)));
    const [fewest] = rooms
      .filter((room) => !withoutInodeLimit.includes(room.fileSystem))
      .toSorted((a, b) => a.freeInodes - b.freeInodes);
    if (fewest === undefined) return skip('notNeeded');
    const { path, freeInodes } = fewest;
    const measured = `${path}: ${freeInodes}`;
    const values = { path, freeInodes, needed, recommended };
    if (freeInodes < needed) return fail('none', measured, `≥ ${needed}`, values);
    return freeInodes < recommended
      ? warn('few', measured, `≥ ${recommended}`, values)
      : ok(measured, `≥ ${needed}`);
  },
});
