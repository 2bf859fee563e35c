// Cheap looks at what tells of a fault at once: the state of the network cards, the tunnel, a clock that was
// set. It judges nothing: who measures properly is asked there and then instead of at the next minute, both
// when a fault comes and when it goes.
import type { Host } from '../../host/host.ts';
import type { HealthSource } from '../condition.ts';

const everyMs = 3000;
/** Between two looks, beyond what a slewing clock daemon does. */
const setByMs = 100;

export interface Alarm {
  readonly tunnelState: () => string;
  readonly onAlarm: (reason: string) => void;
}

export function alarmSource(host: Host, { tunnelState, onAlarm }: Alarm): HealthSource {
  let before: { readonly cards: string; readonly tunnel: string; readonly clockMs: number } | undefined;
  return {
    name: 'alarm',
    everyMs,
    async look() {
      const cards = (await host.network.interfaces())
        // Pods come and go, and their cards have no address here.
        .filter(({ addresses }) => addresses.some((address) => !address.startsWith('fe80:')))
        .map(({ name, state, mtu, addresses }) => [name, state, mtu, ...addresses].join(' '))
        .join('\n');
      const now = { cards, tunnel: tunnelState(), clockMs: host.clock.nowMs() - host.clock.monotonicMs() };
      const was = before;
      before = now;
      if (was === undefined) return [];
      if (was.cards !== now.cards) onAlarm('a network card has changed');
      else if (was.tunnel !== now.tunnel) onAlarm(`the tunnel is ${now.tunnel}`);
      else if (Math.abs(now.clockMs - was.clockMs) > setByMs) onAlarm('the clock was set');
      return [];
    },
  };
}
