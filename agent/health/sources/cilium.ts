// Whether Cilium's agent on this node says that it is healthy, where the pool's network is Cilium. It is a
// pod like others and may be rolled at any time, so the table is patient with it.
import type { NetworkMode } from '../../../protocol/messages/desired.ts';
import type { Host } from '../../host/host.ts';
import type { HealthSource } from '../condition.ts';

const everyMs = 10_000;
const timeoutMs = 3000;
const healthUrl = 'http://127.0.0.1:9879/healthz';

export interface CiliumWatch {
  readonly nodeName: string;
  /** Of the pool, as it is now. */
  readonly networkMode: () => NetworkMode;
  /** Default: asks the agent. */
  readonly ask?: (signal: AbortSignal) => Promise<boolean>;
}

export function ciliumSource(host: Pick<Host, 'network'>, watch: CiliumWatch): HealthSource {
  const { nodeName, networkMode, ask = (signal) => askAgent(host, signal) } = watch;
  return {
    name: 'cilium',
    everyMs,
    async look(_isVisible, signal) {
      const isGood = networkMode() !== 'cilium' || (await ask(signal));
      const values = { url: healthUrl, node: nodeName };
      return [{ code: 'CILIUM_UNHEALTHY', state: isGood ? 'good' : 'bad', values }];
    },
  };
}

function askAgent({ network }: Pick<Host, 'network'>, signal: AbortSignal): Promise<boolean> {
  return network.get(healthUrl, { timeoutMs, signal, rootOnly: true }).then(
    ({ status }) => status === 200,
    () => false,
  );
}
