// Which Cilium a kernel can carry: before 5.10 at most 1.17, before 4.19.57 none. RHEL's 4.18 has the needed
// parts from 8.6 on, and those of 1.18 from 8.10 on.
import { define, fail, ok, skip } from '../check.ts';
import { isAtLeast } from '../observation/versions.ts';

const threshold = '≥ 4.19.57 | el ≥ 8.6';

export const ciliumKernel = define({
  code: 'CILIUM_KERNEL',
  id: 'cilium-kernel',
  group: 'cilium',
  severity: 'blocking',
  dependsOn: ['KERNEL_VERSION'],
  async run(host, { networkMode }) {
    if (networkMode !== 'cilium') return skip('notCilium');
    const { release } = await host.kernel();
    const newest = newestCilium(release);
    return newest === undefined
      ? fail('tooOld', release, threshold, { release })
      : ok(`${release}: Cilium ${newest}`, threshold);
  },
});

function newestCilium(release: string): string | undefined {
  if (isAtLeast(release, '5.10')) return '≥ 1.14';
  const enterprise = Number(/\.el8_(\d+)/.exec(release)?.[1] ?? 0);
  if (release.startsWith('4.18.') && enterprise >= 10) return '≥ 1.14';
  if (isAtLeast(release, '4.19.57') || (release.startsWith('4.18.') && enterprise >= 6)) return '≤ 1.17';
  return undefined;
}
