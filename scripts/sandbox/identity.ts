// The identities that a sandbox host can have. Only the identity is TencentOS's (os-release and the release
// files); the userland below it is Debian's, and the kernel is the machine's.
import type { HostIdentity } from './registry.ts';

/** Files by path; undefined: the host keeps Debian's own. */
export function identityFiles(identity: HostIdentity): Readonly<Record<string, string>> {
  switch (identity) {
    case 'tencentos-3.1':
      return {
        'etc/os-release': osRelease({
          VERSION: '3.1 (Final)',
          ID_LIKE: 'rhel fedora centos',
          VERSION_ID: '3.1',
          PLATFORM_ID: 'platform:el8',
          PRETTY_NAME: 'TencentOS Server 3.1 (Final)',
          CPE_NAME: 'cpe:/o:tencentos:tencentos:3',
        }),
        ...releaseFiles('TencentOS Server release 3.1 (Final)'),
      };
    case 'tencentos-2.4':
      return {
        'etc/os-release': osRelease({
          VERSION: '2.4',
          ID_LIKE: 'rhel fedora centos tlinux',
          VERSION_ID: '2.4',
          PRETTY_NAME: 'TencentOS Server 2.4',
          CPE_NAME: 'cpe:/o:tencentos:tencentos:2',
        }),
        ...releaseFiles('TencentOS Server 2.4 (Final)'),
      };
    case 'debian-12':
      return {};
  }
}

function osRelease(fields: Readonly<Record<string, string>>): string {
  const all = { NAME: 'TencentOS Server', ID: 'tencentos', ...fields };
  return Object.entries(all)
    .map(([name, value]) => `${name}="${value}"\n`)
    .join('');
}

function releaseFiles(line: string): Record<string, string> {
  const names = ['tencentos-release', 'redhat-release', 'system-release'];
  return Object.fromEntries(names.map((name) => [`etc/${name}`, `${line}\n`]));
}
