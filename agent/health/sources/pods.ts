// Whether the node's pods run. Which ones it has the kubelet's folder says, also after a boot without the API
// server, when the kubelet starts none of them; which of them run, containerd. A node that the cluster sees
// as Ready has what the kubelet wants: what is left in the folder there are pods that have ended.
import { paths } from '../../config/paths.ts';
import { listRunningPods } from '../../host/cri.ts';
import type { Host } from '../../host/host.ts';
import type { HealthSource } from '../condition.ts';

const everyMs = 5000;
const timeoutMs = 3000;
const uidPattern = /^[0-9a-f][0-9a-f-]{31,35}$/;

export interface Pods {
  /** Folders that the kubelet keeps. */
  readonly assigned: number;
  readonly running: number;
}

export interface PodsWatch {
  readonly isReady: () => boolean;
  readonly onSeen: (pods: Pods) => void;
  /** Uids. Default: asks over the CRI. */
  readonly listRunning?: () => Promise<readonly string[]>;
}

export function podsSource(
  host: Host,
  { isReady, onSeen, listRunning = askRuntime }: PodsWatch,
): HealthSource {
  return {
    name: 'pods',
    everyMs,
    async look() {
      const folders = (await host.files.list(`${paths.kubeletData}/pods`)) ?? [];
      const assigned = folders.filter((name) => uidPattern.test(name));
      // A runtime that does not answer is told by its own code.
      const running = await listRunning().catch(() => undefined);
      if (running === undefined) return [{ code: 'NO_POD_RUNS', state: 'unknown' }];
      onSeen({ assigned: assigned.length, running: running.length });
      const isBad = assigned.length > 0 && running.length === 0 && !isReady();
      return [{ code: 'NO_POD_RUNS', state: isBad ? 'bad' : 'good', values: { assigned: assigned.length } }];
    },
  };
}

const askRuntime = () => listRunningPods(paths.containerdSocket, timeoutMs);
