// One CPU carries a kubelet, but leaves nothing for pods when the system is busy.

import { countList } from '../../host/proc.ts';
import { define, ok, warn } from '../check.ts';

const recommended = 2;

export const cpuCount = define({
  code: 'CPU_COUNT',
  id: 'cpu-count',
  group: 'resources',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const cpus = countList((await host.files.readText('/sys/devices/system/cpu/online')) ?? '');
    const threshold = `≥ ${recommended}`;
    if (cpus === 0) return warn('unknown', '/sys/devices/system/cpu/online absent', threshold);
    return cpus < recommended
      ? warn('few', `${cpus}`, threshold, { cpus, recommended })
      : ok(`${cpus}`, threshold);
  },
});
