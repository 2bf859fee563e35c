// Versions as components need them: major and minor decide, a leading `v` and what follows the patch don't. Pure.
import { Fault } from '../../protocol/fault.ts';

export interface Version {
  readonly major: number;
  readonly minor: number;
}

export function parseVersion(text: string): Version {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
  if (major === undefined || minor === undefined) {
    throw new Fault('CONFIGURATION_INVALID', { path: 'version', detail: `"${text}" is not a version` });
  }
  return { major: Number(major), minor: Number(minor) };
}

export function isAtLeast(version: Version, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
