// A TCP connection to the gateway's port, and how long it took: one round trip of the line.
import type { Host } from '../../host/host.ts';
import { define, fail, ok, warn } from '../check.ts';
import { errorCode, probeTimeoutMs } from '../observation/gateway.ts';
import { withRoute } from '../opening.ts';

const slowMs = 200;
const attempts = 3;

export const gatewayConnection = define({
  code: 'GATEWAY_CONNECTION',
  id: 'gateway-connection',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_ROUTE', 'LINK_STATE'],
  timeoutMs: probeTimeoutMs + 1000,
  run: withRoute(async (host, { address }, { port }) => {
    const where = `${address}:${port}`;
    const values = { where, address, port, slowMs };
    try {
      const milliseconds = await roundTrip(host, address, port);
      const measured = `${where}: ${milliseconds.toFixed(1)} ms`;
      return milliseconds > slowMs
        ? warn('slow', measured, `≤ ${slowMs} ms`, { ...values, milliseconds: Math.round(milliseconds) })
        : ok(measured, `≤ ${slowMs} ms`);
    } catch (error) {
      const detail = errorCode(error);
      return fail('refused', `${where}: ${detail}`, `≤ ${probeTimeoutMs} ms`, { ...values, detail });
    }
  }),
});

/** The shortest of a few: one long time may be a busy host's, and only the line's own is asked for. */
async function roundTrip(host: Host, address: string, port: number): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < attempts && best > slowMs; attempt += 1) {
    best = Math.min(best, await host.network.connect(address, port, probeTimeoutMs));
  }
  return best;
}
