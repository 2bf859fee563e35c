// A machine sold as 1 GiB shows about 950 MiB: below 900 a kubelet and a runtime do not fit.

import { memoryMiB } from '../../host/proc.ts';
import { define, fail, ok, warn } from '../check.ts';

const neededMiB = 900;
const recommendedMiB = 1700;

export const memory = define({
  code: 'MEMORY',
  id: 'memory',
  group: 'resources',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const totalMiB = await memoryMiB(host, 'MemTotal');
    const threshold = `≥ ${neededMiB} MiB`;
    if (totalMiB === undefined) return warn('unknown', '/proc/meminfo: MemTotal absent', threshold);
    const measured = `${totalMiB} MiB`;
    const values = { totalMiB, neededMiB, recommendedMiB };
    if (totalMiB < neededMiB) return fail('little', measured, threshold, values);
    return totalMiB < recommendedMiB
      ? warn('tight', measured, `≥ ${recommendedMiB} MiB`, values)
      : ok(measured, threshold);
  },
});
