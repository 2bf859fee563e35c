// Which version of control groups the host has, and what the table says about it and the pool's kubelet.
import { judge } from '../../../protocol/compatibility/judgement.ts';
import { observeTraits } from '../../host/traits.ts';
import { define, fail, ok, warn } from '../check.ts';

/** The table's rules that this check speaks of, each with its text; the first that holds is told. */
const problems = {
  'cgroup-v2-early-kubelet': 'v2Early',
  'cgroup-v1-late-kubelet': 'v1',
  'cgroup-v2-kernel': 'v2Kernel',
  'cgroup-v2-systemd': 'v2Systemd',
} as const;

export const cgroupVersionCheck = define({
  code: 'CGROUP_VERSION',
  id: 'cgroup-version',
  group: 'kernel',
  severity: 'blocking',
  dependsOn: [],
  async run(host, { kubernetesVersion }) {
    const traits = await observeTraits(host);
    const version = traits.cgroupVersion === undefined ? 'none' : `v${traits.cgroupVersion}`;
    if (version === 'none') return fail('none', 'none', 'v1 | v2');
    if (kubernetesVersion === undefined) return ok(version, 'v1 | v2');
    const { rules } = judge('kubelet', kubernetesVersion, { host: traits });
    for (const [id, problem] of Object.entries(problems)) {
      const rule = rules.find((one) => one.id === id);
      if (rule === undefined) continue;
      const measured = `${version}, kubelet ${kubernetesVersion}${shown(rule.settings)}`;
      const values = {
        kubernetesVersion,
        kernel: traits.kernelRelease ?? '',
        systemd: traits.systemd ?? '',
        refusedSince: rule.versions.atLeast ?? '',
      };
      const say = rule.verdict === 'refused' ? fail : warn;
      return say(problem, measured, 'v1 | v2', values);
    }
    return ok(version, 'v1 | v2');
  },
});

function shown(settings: Readonly<Record<string, boolean | string>> | undefined): string {
  return Object.entries(settings ?? {})
    .map(([name, value]) => `: ${name}=${value}`)
    .join('');
}
