// The versions of Kubernetes that registered nodes exist for, and up to which regnode was
// tried, as the table has them.
import { judge, ruleOf } from '../../../protocol/compatibility/judgement.ts';
import { define, fail, ok, skip, warn } from '../check.ts';

const oldest = ruleOf('kubelet-oldest').versions.below ?? '';
const untried = ruleOf('kubelet-untried').versions.atLeast ?? '';

export const kubernetesVersion = define({
  code: 'KUBERNETES_VERSION',
  id: 'kubernetes-version',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(_host, { kubernetesVersion: version }) {
    if (version === undefined) return skip('noVersion');
    const threshold = `${oldest} – < ${untried}`;
    const values = { version, oldest, untried };
    const { verdict } = judge('kubelet', version, { host: {} });
    if (verdict === 'refused') return fail('tooOld', version, threshold, values);
    return verdict === 'allowed' ? ok(version, threshold) : warn('untried', version, threshold, values);
  },
});
