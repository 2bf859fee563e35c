// Processes and threads count alike; pid_max is often 32768 on hosts with few CPUs.

import { numberIn } from '../../host/proc.ts';
import { define, fail, ok, warn } from '../check.ts';

const needed = 1000;
const recommended = 8000;

export const freePids = define({
  code: 'FREE_PIDS',
  id: 'free-pids',
  group: 'resources',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const [pidMax, threadsMax, loadavg] = await Promise.all([
      numberIn(host, '/proc/sys/kernel/pid_max'),
      numberIn(host, '/proc/sys/kernel/threads-max'),
      host.files.readText('/proc/loadavg'),
    ]);
    const limit = Math.min(pidMax ?? Number.POSITIVE_INFINITY, threadsMax ?? Number.POSITIVE_INFINITY);
    const used = Number(/\d+\/(\d+)/.exec(loadavg ?? '')?.[1]);
    const threshold = `≥ ${needed}`;
    if (!Number.isFinite(limit - used)) return warn('unknown', '/proc/loadavg absent', threshold);
    const free = limit - used;
    const values = { free, limit, used, needed, recommended };
    if (free < needed) return fail('none', `${free} / ${limit}`, threshold, values);
    return free < recommended
      ? warn('few', `${free} / ${limit}`, `≥ ${recommended}`, values)
      : ok(`${free} / ${limit}`, threshold);
  },
});
