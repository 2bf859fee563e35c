// runc makes a session keyring for each container; with the old quota of 200 keys the 200th container fails
// with "disk quota exceeded".

import { numberIn } from '../../host/proc.ts';
import { define, ok, skip, warn } from '../check.ts';

const recommended = 10_000;

export const kernelKeys = define({
  code: 'KERNEL_KEYS',
  id: 'kernel-keys',
  group: 'resources',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const keys = await numberIn(host, '/proc/sys/kernel/keys/root_maxkeys');
    if (keys === undefined) return skip('notNeeded', 'kernel.keys.root_maxkeys absent');
    return keys < recommended
      ? warn('few', `${keys}`, `≥ ${recommended}`, { keys, recommended })
      : ok(`${keys}`, `≥ ${recommended}`);
  },
});
