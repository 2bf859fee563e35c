// The pods go before the host does. The gateway moves them, a short while at a time, so that whoever waits
// hears which are gone and which may not go yet, and why. A leave that nobody wants past a disruption budget
// ends here: nothing on the host has changed by then, and a node that took pods before takes them again.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type DrainResponse, stayReasons } from '../../protocol/messages/join.ts';
import type { HostClock } from '../host/host.ts';
import type { GatewayApi } from '../identity/gateway-api.ts';

/** The first answer comes soon, for somebody who looks; the others spare the gateway. */
const firstWaitMs = 3000;
const waitMs = 15_000;
const uncordonTimeoutMs = 10_000;
export const defaultDrainTimeoutMs = 300_000;

export interface DrainOptions {
  readonly timeoutMs: number;
  /** The host leaves whatever stays. */
  readonly force: boolean;
  readonly onDrain: (seen: DrainResponse) => void;
  readonly signal?: AbortSignal | undefined;
}

export async function drainBeforeLeave(
  clock: Pick<HostClock, 'monotonicMs'>,
  gateway: Pick<GatewayApi, 'status' | 'drain' | 'uncordon'>,
  options: DrainOptions,
): Promise<DrainResponse> {
  const { nodeName, unschedulable } = await gateway.status(options.signal);
  try {
    const drained = await drainAll(clock, gateway, options);
    const stuck = stuckOf(drained);
    if (stuck.length === 0 || options.force) return drained;
    const pods = stuck.map(({ pod, reason }) => `${pod} (${reason})`).join(', ');
    throw new Fault('DRAIN_INCOMPLETE', { name: nodeName, count: stuck.length, pods });
  } catch (error) {
    if (!unschedulable) await gateway.uncordon(AbortSignal.timeout(uncordonTimeoutMs)).catch(() => undefined);
    throw error;
  }
}

async function drainAll(
  clock: Pick<HostClock, 'monotonicMs'>,
  gateway: Pick<GatewayApi, 'drain'>,
  { timeoutMs, onDrain, signal }: DrainOptions,
): Promise<DrainResponse> {
  const endMs = clock.monotonicMs() + timeoutMs;
  const evictedPods = new Set<string>();
  let awaited: ReadonlySet<string> | undefined;
  for (let next = firstWaitMs; ; next = waitMs) {
    const leftMs = Math.max(0, endMs - clock.monotonicMs());
    const seen = await gateway.drain(signal, Math.ceil(Math.min(next, leftMs)));
    awaited ??= new Set(namesIn(seen));
    for (const pod of seen.evictedPods) evictedPods.add(pod);
    // A pod that comes although the node is cordoned bears that, comes again, and is not waited for.
    const isAwaited = (pod: string) => awaited?.has(pod) && !evictedPods.has(pod);
    const remainingPods = seen.remainingPods.filter(({ pod }) => isAwaited(pod));
    const all = { evictedPods: [...evictedPods], remainingPods };
    onDrain(all);
    if (stuckOf(all).length === 0 || clock.monotonicMs() >= endMs) return all;
  }
}

const namesIn = ({ evictedPods, remainingPods }: DrainResponse) => [
  ...evictedPods,
  ...remainingPods.map(({ pod }) => pod),
];

/** Those that should have gone. */
export function stuckOf({ remainingPods }: DrainResponse): DrainResponse['remainingPods'] {
  const expected: readonly string[] = [stayReasons.mirror, stayReasons.daemonSet];
  return remainingPods.filter(({ reason }) => !expected.includes(reason));
}
