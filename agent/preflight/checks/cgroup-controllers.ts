// The controllers that the kubelet insists on; it fails at start with the name of the first that it misses.
import { define, fail, ok } from '../check.ts';
import { cgroupVersion, controllers } from '../observation/cgroups.ts';

const needed = {
  v1: ['cpu', 'cpuacct', 'cpuset', 'memory', 'devices', 'freezer', 'pids'],
  v2: ['cpu', 'cpuset', 'memory', 'pids', 'io'],
} as const;

export const cgroupControllers = define({
  code: 'CGROUP_CONTROLLERS',
  id: 'cgroup-controllers',
  group: 'kernel',
  severity: 'blocking',
  dependsOn: ['CGROUP_VERSION'],
  async run(host) {
    const version = await cgroupVersion(host);
    const wanted: readonly string[] = version === 'v2' ? needed.v2 : needed.v1;
    const present = await controllers(host, version);
    const missing = wanted.filter((name) => !present.includes(name));
    const threshold = `${version}: ${wanted.join(' ')}`;
    return missing.length > 0
      ? fail('missing', `without ${missing.join(' ')}`, threshold, {
          controllers: missing.join(' '),
          version,
        })
      : ok(wanted.join(' '), threshold);
  },
});
