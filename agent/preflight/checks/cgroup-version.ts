// Kubelets from 1.35 on refuse cgroup v1 unless `failCgroupV1: false`, which regnode then writes.
import { define, fail, ok, warn } from '../check.ts';
import { cgroupVersion } from '../observation/cgroups.ts';
import { isAtLeast } from '../observation/versions.ts';

const refusedSince = '1.35';

export const cgroupVersionCheck = define({
  code: 'CGROUP_VERSION',
  id: 'cgroup-version',
  group: 'kernel',
  severity: 'blocking',
  dependsOn: [],
  async run(host, { kubernetesVersion }) {
    const version = await cgroupVersion(host);
    if (version === 'none') return fail('none', 'none', 'v1 | v2');
    const late = kubernetesVersion !== undefined && isAtLeast(kubernetesVersion, refusedSince);
    return version === 'v1' && late
      ? warn('v1', version, `Kubernetes ≥ ${refusedSince}: v2`, { kubernetesVersion, refusedSince })
      : ok(version, 'v1 | v2');
  },
});
