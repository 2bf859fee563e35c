// The kernels that Kubernetes is tried with: 5.4, 5.10, 5.15, 6 and later. RHEL's 4.18 carries most of what came
// after it; older ones lack what runtimes and kubelet take for granted.
import { define, fail, ok, warn } from '../check.ts';
import { isAtLeast } from '../observation/versions.ts';

const needed = '4.18';
const recommended = '5.4';

export const kernelVersion = define({
  code: 'KERNEL_VERSION',
  id: 'kernel-version',
  group: 'kernel',
  severity: 'blocking',
  dependsOn: ['OPERATING_SYSTEM'],
  async run(host) {
    const { release } = await host.kernel();
    const values = { release, needed, recommended };
    if (!isAtLeast(release, needed)) return fail('tooOld', release, `≥ ${needed}`, values);
    return isAtLeast(release, recommended)
      ? ok(release, `≥ ${needed}`)
      : warn('old', release, `≥ ${recommended}`, values);
  },
});
