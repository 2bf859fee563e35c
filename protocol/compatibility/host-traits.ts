// What the table asks of a host, and whether a condition holds of it. Pure. A trait that nobody has looked up
// fulfils no condition: what isn't known is never a reason to refuse.
import { isAtLeast, isWithin, type VersionRange } from './versions.ts';

export interface HostTraits {
  /** `uname -r` */
  readonly kernelRelease?: string | undefined;
  readonly cgroupVersion?: number | undefined;
  readonly glibc?: string | undefined;
  readonly systemd?: string | undefined;
  readonly canLowerOomScore?: boolean | undefined;
}

export interface HostCondition {
  readonly kernel?: VersionRange;
  /**
   * RHEL's kernel 4.18 carries much of what came after it: with this, a release of that kind is judged by the
   * release of RHEL that it names (`el8_10` is 8.10), and not by `kernel`.
   */
  readonly enterpriseKernel?: VersionRange;
  readonly cgroupVersion?: 1 | 2;
  readonly glibc?: VersionRange;
  readonly systemd?: VersionRange;
  readonly canLowerOomScore?: boolean;
}

export function holds(condition: HostCondition, host: HostTraits): boolean {
  const within = (range: VersionRange | undefined, version: string | undefined) =>
    range === undefined || (version !== undefined && isWithin(version, range));
  const same = <T>(wanted: T | undefined, seen: T | undefined) => wanted === undefined || wanted === seen;
  return (
    kernelHolds(condition, host.kernelRelease) &&
    within(condition.glibc, host.glibc) &&
    within(condition.systemd, host.systemd) &&
    same(condition.cgroupVersion, host.cgroupVersion) &&
    same(condition.canLowerOomScore, host.canLowerOomScore)
  );
}

function kernelHolds({ kernel, enterpriseKernel }: HostCondition, release: string | undefined): boolean {
  if (kernel === undefined && enterpriseKernel === undefined) return true;
  if (release === undefined) return false;
  const enterprise = enterpriseRelease(release);
  if (enterpriseKernel !== undefined && enterprise !== undefined)
    return isWithin(enterprise, enterpriseKernel);
  return kernel === undefined || isWithin(release, kernel);
}

/** `4.18.0-553.el8_10.x86_64` → 8.10; a kernel that is not RHEL's 4.18 has none. */
function enterpriseRelease(release: string): string | undefined {
  if (!isAtLeast(release, '4.18') || isAtLeast(release, '4.19')) return undefined;
  const minor = /\.el8_(\d+)/.exec(release)?.[1];
  return minor === undefined ? undefined : `8.${minor}`;
}
