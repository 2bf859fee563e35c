// Which Cilium the kernel can carry, as the table has it.
import { describeAllowed } from '../../../protocol/compatibility/judgement.ts';
import { define, fail, ok } from '../check.ts';
import { forCilium } from '../opening.ts';

const threshold = '≥ 4.19.57 | el ≥ 8.6';

export const ciliumKernel = define({
  code: 'CILIUM_KERNEL',
  id: 'cilium-kernel',
  group: 'cilium',
  severity: 'blocking',
  dependsOn: ['KERNEL_VERSION'],
  run: forCilium(async (host) => {
    const { release } = await host.kernel();
    const allowed = describeAllowed('cilium', { host: { kernelRelease: release } });
    return allowed === undefined
      ? fail('tooOld', release, threshold, { release })
      : ok(`${release}: Cilium ${allowed}`, threshold);
  }),
});
