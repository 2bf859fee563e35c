// TLS with the gateway: it must answer, and with the CA that the join command brings its
// certificate must lead there. Needs a clock that is roughly right, so a wrong clock mutes it
// rather than be blamed on the certificate.
import { define, fail, ok, skip } from '../check.ts';
import { errorCode, probeGateway, probeTimeoutMs } from '../observation/gateway.ts';
import { withGateway } from '../opening.ts';

export const gatewayCertificate = define({
  code: 'GATEWAY_CERTIFICATE',
  id: 'gateway-certificate',
  group: 'line',
  severity: 'blocking',
  dependsOn: ['GATEWAY_CONNECTION', 'TIME_SKEW'],
  timeoutMs: probeTimeoutMs + 1000,
  run: withGateway(async (host, { url }, context) => {
    const threshold = 'TLS, CA';
    try {
      const probe = await probeGateway(host, context);
      if (probe === undefined) return skip('noGateway');
      const times = `TLS ${probe.handshakeMs.toFixed(1)} ms, HTTP ${probe.status}`;
      if (context.caPem === undefined) return ok(`${times}, CA ?`, threshold);
      return probe.trusted
        ? ok(times, threshold)
        : fail('distrusted', probe.distrust, threshold, { url, detail: probe.distrust });
    } catch (error) {
      const detail = errorCode(error);
      return fail('noTls', detail, threshold, { url, detail });
    }
  }),
});
