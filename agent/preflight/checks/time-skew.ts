// This host's clock against the gateway's Date header, which has a resolution of one second. Needs no trust
// in the certificate: a wrong clock is the very thing that makes a certificate look wrong.
import { define, fail, ok, skip, warn } from '../check.ts';
import { probeGateway, probeTimeoutMs } from '../observation/gateway.ts';
import { withGateway } from '../opening.ts';

const allowedMs = 5_000;
const largestMs = 60_000;

export const timeSkew = define({
  code: 'TIME_SKEW',
  id: 'time-skew',
  group: 'time',
  severity: 'blocking',
  dependsOn: ['GATEWAY_CONNECTION'],
  timeoutMs: probeTimeoutMs + 1000,
  run: withGateway(async (host, _target, context) => {
    // Why there is no answer is GATEWAY_CERTIFICATE's to say.
    const probe = await probeGateway(host, context).catch(() => undefined);
    if (probe?.serverTimeMs === undefined) return skip('noAnswer');
    const skewMs = probe.hostTimeMs - probe.serverTimeMs;
    const seconds = Number((skewMs / 1000).toFixed(1));
    const measured = `${seconds > 0 ? '+' : ''}${seconds} s`;
    const values = { seconds, allowed: allowedMs / 1000, largest: largestMs / 1000 };
    const distance = Math.abs(skewMs);
    if (distance > largestMs) return fail('wrong', measured, `± ${largestMs / 1000} s`, values);
    return distance > allowedMs
      ? warn('drifting', measured, `± ${allowedMs / 1000} s`, values)
      : ok(measured, `± ${allowedMs / 1000} s`);
  }),
});
