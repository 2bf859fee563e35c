// Registered nodes exist from Kubernetes 1.18 on; the newest version that regnode was tried with is named too.
import { define, fail, ok, skip, warn } from '../check.ts';
import { isAtLeast, parseVersion } from '../observation/versions.ts';

const oldest = '1.18';
const newestTried = '1.36';

export const kubernetesVersion = define({
  code: 'KUBERNETES_VERSION',
  id: 'kubernetes-version',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(_host, { kubernetesVersion: version }) {
    if (version === undefined) return skip('noVersion');
    const threshold = `${oldest} – ${newestTried}`;
    const values = { version, oldest, newestTried };
    const [major = 0, minor = 0] = parseVersion(version) ?? [];
    if (!isAtLeast(version, oldest)) return fail('tooOld', version, threshold, values);
    return isAtLeast(newestTried, `${major}.${minor}`)
      ? ok(version, threshold)
      : warn('untried', version, threshold, values);
  },
});
