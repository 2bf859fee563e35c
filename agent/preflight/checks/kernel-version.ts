// The kernels that Kubernetes is tried with, as the table has them.
import { judge, ruleOf } from '../../../protocol/compatibility/judgement.ts';
import { define, fail, ok, warn } from '../check.ts';

const needed = ruleOf('kubelet-kernel-needed').host.kernel?.below ?? '';
const recommended = ruleOf('kubelet-kernel-recommended').host.kernel?.below ?? '';
/** Its verdict is asked for with a kubelet that the kernel alone decides about. */
const anyKubelet = '1.20';

export const kernelVersion = define({
  code: 'KERNEL_VERSION',
  id: 'kernel-version',
  group: 'kernel',
  severity: 'blocking',
  dependsOn: ['OPERATING_SYSTEM'],
  async run(host) {
    const { release } = await host.kernel();
    const values = { release, needed, recommended };
    const { verdict } = judge('kubelet', anyKubelet, { host: { kernelRelease: release } });
    if (verdict === 'refused') return fail('tooOld', release, `≥ ${needed}`, values);
    return verdict === 'allowed'
      ? ok(release, `≥ ${needed}`)
      : warn('old', release, `≥ ${recommended}`, values);
  },
});
