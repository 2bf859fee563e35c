// TKE lists TencentOS Server 3.1 and 2.4 (TK4) for registered nodes. Plain 2.4 has the same os-release as
// TK4, so the kernel decides. Others are not in that list: those too old for today's components are
// refused, the rest warned about.

import { isAtLeast } from '../../../protocol/compatibility/versions.ts';
import type { Host } from '../../host/host.ts';
import { define, fail, ok, warn } from '../check.ts';
import { type OsRelease, osRelease } from '../observation/os-release.ts';

/** The oldest release of a distribution that can carry a node; what is not listed is merely unknown. */
const oldest: Readonly<Record<string, string>> = {
  tencentos: '2.4',
  tlinux: '2.4',
  centos: '8',
  rhel: '8',
  rocky: '8',
  almalinux: '8',
  ol: '8',
  anolis: '8',
  ubuntu: '20.04',
  debian: '11',
  openEuler: '20.03',
  opencloudos: '8',
  fedora: '38',
};
const supported = 'TencentOS Server 3.1 | 2.4 (TK4)';

export const operatingSystem = define({
  code: 'OPERATING_SYSTEM',
  id: 'operating-system',
  group: 'identity',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const release = await osRelease(host);
    if (release === undefined) return warn('unknown', '/etc/os-release absent', supported);
    return release.id === 'tencentos' ? judgeTencentOs(host, release) : judgeOther(release);
  },
});

async function judgeTencentOs(host: Host, release: OsRelease) {
  const name = release.prettyName;
  const kernel = (await host.kernel()).release;
  const measured = `${name}, ${kernel}`;
  if (release.versionId === '2.4') {
    return isAtLeast(kernel, '5.4')
      ? ok(`${measured} (TK4)`, supported)
      : fail('plain24', measured, `${supported}: kernel ≥ 5.4`, { name, kernel });
  }
  if (release.versionId === '3.1') return ok(name, supported);
  return isAtLeast(release.versionId, '2.4')
    ? warn('unlisted', name, supported, { name })
    : fail('tooOld', name, supported, { name });
}

function judgeOther(release: OsRelease) {
  const name = release.prettyName;
  const since = oldest[release.id];
  if (since === undefined) return warn('unlisted', name, supported, { name });
  return isAtLeast(release.versionId, since)
    ? warn('unlisted', name, supported, { name })
    : fail('tooOld', name, `${supported} | ${release.id} ≥ ${since}`, { name });
}
