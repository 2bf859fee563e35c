// regnode brings its own containerd under the same unit name and socket; one that runs for somebody else must
// not be replaced under its containers.
import { define, fail, ok } from '../check.ts';
import { unitState } from '../observation/units.ts';
import { beforeJoin } from '../opening.ts';

export const foreignContainerd = define({
  code: 'FOREIGN_CONTAINERD',
  id: 'foreign-containerd',
  group: 'runtime',
  severity: 'blocking',
  dependsOn: ['CLUSTER_LEFTOVERS'],
  run: beforeJoin(async (host) => {
    const [containerd, docker] = await Promise.all([
      unitState(host, 'containerd'),
      unitState(host, 'docker'),
    ]);
    if (!containerd.active) return ok('containerd.service: inactive');
    const measured = `containerd.service: active (${containerd.fragment})`;
    const values = { fragment: containerd.fragment };
    return docker.active
      ? fail('ofDocker', measured, 'inactive', values)
      : fail('active', measured, 'inactive', values);
  }),
});
