// Lists and maps that a kubelet has by itself. A file that names one of them replaces the whole: what it does
// not name is turned off. So ours carry the kubelet's own along, each from the version on that has it. The
// test compares them with the sources of each minor version. Pure.
import { isWithin, type VersionRange } from '../../../protocol/compatibility/versions.ts';
import type { EvictionSignal } from '../../../protocol/settings/host.ts';

interface EvictionDefault {
  readonly signal: EvictionSignal;
  readonly threshold: string;
  readonly versions: VersionRange;
}

const evictionDefaults: readonly EvictionDefault[] = [
  { signal: 'memory.available', threshold: '100Mi', versions: {} },
  { signal: 'nodefs.available', threshold: '10%', versions: {} },
  { signal: 'nodefs.inodesFree', threshold: '5%', versions: {} },
  { signal: 'imagefs.available', threshold: '15%', versions: {} },
  { signal: 'imagefs.inodesFree', threshold: '5%', versions: { atLeast: '1.30' } },
];

export function evictionDefaultsOf(version: string): Partial<Record<EvictionSignal, string>> {
  const own = evictionDefaults.filter(({ versions }) => isWithin(version, versions));
  return Object.fromEntries(own.map(({ signal, threshold }) => [signal, threshold]));
}

export const enforcedByDefault: readonly string[] = ['pods'];
