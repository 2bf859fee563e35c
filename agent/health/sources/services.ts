// Whether containerd and the kubelet answer a question. That a socket takes connections proves little: a
// frozen one's does too. What stays silent is told to whoever can start it again, at once and then at growing
// pauses, since what cannot be mended would otherwise be mended without end.
import { paths } from '../../config/paths.ts';
import { ctrProgram } from '../../doctor/observation/containerd.ts';
import { askRuntimeVersion } from '../../host/cri.ts';
import type { Host } from '../../host/host.ts';
import type { HealthSource, Observation } from '../condition.ts';

const everyMs = 3000;
const timeoutMs = 3000;
const firstPauseMs = 10_000;
const longestPauseMs = 5 * 60_000;

export interface ServicesWatch {
  /** False while a join puts them in place: then they owe no answer. */
  readonly isJoined: () => boolean;
  readonly askKubelet: () => Promise<boolean>;
  /** Something has not answered twice. */
  readonly onSilent: () => void;
  /** Default: asks over the CRI. */
  readonly askContainerd?: () => Promise<boolean>;
}

export function servicesSource(host: Host, watch: ServicesWatch): HealthSource {
  const { isJoined, askKubelet, onSilent, askContainerd = askRuntime } = watch;
  let silentLooks = 0;
  let pauseMs = firstPauseMs;
  let nextAtMs = 0;
  return {
    name: 'services',
    everyMs,
    async look() {
      const isThere = isJoined() && (await ctrProgram(host)) !== undefined;
      const [isKubeletGood, isContainerdGood] = isThere
        ? await Promise.all([askKubelet(), askContainerd()])
        : [undefined, undefined];
      const isSilent = isKubeletGood === false || isContainerdGood === false;
      silentLooks = isSilent ? silentLooks + 1 : 0;
      const now = host.clock.monotonicMs();
      if (!isSilent) pauseMs = firstPauseMs;
      else if (silentLooks === 2 || (silentLooks > 2 && now >= nextAtMs)) {
        nextAtMs = now + pauseMs;
        pauseMs = Math.min(longestPauseMs, pauseMs * 2);
        onSilent();
      }
      return [
        {
          code: 'CONTAINERD_UNHEALTHY',
          ...stateOf(isContainerdGood),
          values: { socket: paths.containerdSocket },
        },
        { code: 'KUBELET_UNHEALTHY', ...stateOf(isKubeletGood) },
      ];
    },
  };
}

function askRuntime(): Promise<boolean> {
  return askRuntimeVersion(paths.containerdSocket, timeoutMs).then(
    () => true,
    () => false,
  );
}

function stateOf(isGood: boolean | undefined): Pick<Observation, 'state'> {
  if (isGood === undefined) return { state: 'unknown' };
  return { state: isGood ? 'good' : 'bad' };
}
