// Resources that are kept from pods for the host and the kubelet, computed from the host's size unless the
// pool sets them. The kubelet's share of memory grows with its pods, its share of CPU slowly with the cores;
// the host's share is fixed. Pure.
import type { DesiredState } from '../../../protocol/messages/desired.ts';
import type { NodeFacts } from '../component.ts';

/** Millicores of the first core, the second, the third and fourth, and each of the others. */
const coreShares = [60, 10, 5, 5] as const;
const otherCoresShare = 2.5;
/** A kubelet and containerd with no pods, and what each pod adds (its shim, its bookkeeping). */
const baseMiB = 255;
const podMiB = 11;
/** A small host keeps the most of itself for pods all the same. */
const memoryShareLimit = 0.25;
const ephemeralStorageMiB = 1024;
const pids = 1000;
/** sshd, systemd, journald, regnode. */
const system = { cpuMillicores: 100, memoryMiB: 256 };

type Size = Pick<NodeFacts, 'cpuCount' | 'memoryMiB'>;
type Quantities = Readonly<Record<string, string>>;

export function kubeReserved(size: Size, { maxPods, reserved }: DesiredState['kubelet']): Quantities {
  const cores = Array.from({ length: size.cpuCount }, (_, index) => coreShares[index] ?? otherCoresShare);
  const computedCpu = Math.ceil(cores.reduce((sum, share) => sum + share, 0));
  const computedMemory = Math.min(baseMiB + podMiB * maxPods, inSteps(size.memoryMiB * memoryShareLimit));
  return {
    cpu: `${reserved?.cpuMillicores ?? computedCpu}m`,
    memory: `${reserved?.memoryMiB ?? computedMemory}Mi`,
    'ephemeral-storage': `${reserved?.ephemeralStorageMiB ?? ephemeralStorageMiB}Mi`,
    pid: String(reserved?.pids ?? pids),
  };
}

export function systemReserved(size: Size): Quantities {
  const memory = Math.min(system.memoryMiB, inSteps(size.memoryMiB * 0.1));
  return { cpu: `${system.cpuMillicores}m`, memory: `${memory}Mi` };
}

/** A kernel update moves MemTotal by a few MiB, which is no reason to restart a kubelet. */
function inSteps(mebibytes: number): number {
  return Math.floor(mebibytes / 64) * 64;
}
