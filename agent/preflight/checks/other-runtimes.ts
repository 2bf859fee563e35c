// Another runtime beside ours works, but both want the disk, the bridge and the rules of the filter:
// Docker sets FORWARD to DROP.
import { define, ok, warn } from '../check.ts';
import { unitState, type WatchedUnit } from '../observation/units.ts';

const others: readonly WatchedUnit[] = ['docker', 'crio'];

export const otherRuntimes = define({
  code: 'OTHER_RUNTIMES',
  id: 'other-runtimes',
  group: 'runtime',
  severity: 'advisory',
  dependsOn: ['FOREIGN_CONTAINERD'],
  async run(host) {
    const states = await Promise.all(others.map((unit) => unitState(host, unit)));
    const active = others.filter((_, index) => states[index]?.active);
    return active.length === 0
      ? ok('none')
      : warn('active', active.join(', '), 'none', { runtimes: active.join(' ') });
  },
});
