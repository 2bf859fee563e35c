// The gateway's end of the private line's probes: sessions, UDP echo, source and sink, put
// together. A UDP port that cannot be had costs the UDP probes and nothing else: a gateway must not
// stay down because of a diagnosis.

import type { Logger } from 'pino';
import type { Counter } from 'prom-client';
import type { Route } from '../port/route.ts';
import { lineRoutes } from './routes.ts';
import { LineSessions } from './sessions.ts';
import { Transfers } from './transfers.ts';
import { openProbePort, type ProbeOutcome, type ProbePort } from './udp-port.ts';

/** Where VXLAN packets are sent, in Cilium as in flannel. */
export const vxlanPort = 8472;

export interface LineOptions {
  /** undefined: switched off. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  readonly secret: () => Uint8Array;
  readonly addressesOf: (node: string) => readonly string[];
  readonly probes: Counter<'outcome'>;
  readonly logger: Logger;
  readonly now: () => number;
}

export async function openLine(
  options: LineOptions,
): Promise<{ routes: readonly Route[]; close(): Promise<void> }> {
  const { listen, secret, addressesOf, probes, logger, now } = options;
  let port: ProbePort | undefined;
  const sessions = new LineSessions({ secret, udpPort: () => port?.port, inboundPort: vxlanPort, now });
  if (listen) {
    const count = (outcome: ProbeOutcome) => probes.inc({ outcome });
    const keyFor = (...of: Parameters<LineSessions['keyFor']>) => sessions.keyFor(...of);
    try {
      port = await openProbePort({ listen, keyFor, inboundPort: vxlanPort, count, now, logger });
      logger.info({ port: port.port }, 'line probes are answered');
    } catch (error) {
      logger.error({ err: error, listen }, 'line probes over UDP are not answered, see --probe-listen');
    }
  }
  return {
    routes: lineRoutes({ sessions, transfers: new Transfers(now), addressesOf, now }),
    close: async () => {
      await port?.close();
    },
  };
}
