// kubelet, containerd, log collectors and many programs in pods watch files; all of root's share one limit.

import { numberIn } from '../../host/proc.ts';
import { define, ok, warn } from '../check.ts';

const instances = 128;
const watches = 8192;

export const inotifyLimits = define({
  code: 'INOTIFY_LIMITS',
  id: 'inotify-limits',
  group: 'kernel',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const [maxInstances, maxWatches] = await Promise.all([
      numberIn(host, '/proc/sys/fs/inotify/max_user_instances'),
      numberIn(host, '/proc/sys/fs/inotify/max_user_watches'),
    ]);
    const threshold = `instances ≥ ${instances}, watches ≥ ${watches}`;
    const measured = `instances ${maxInstances ?? '?'}, watches ${maxWatches ?? '?'}`;
    return (maxInstances ?? 0) < instances || (maxWatches ?? 0) < watches
      ? warn('low', measured, threshold)
      : ok(measured, threshold);
  },
});
