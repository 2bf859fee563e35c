// The certificate with which this node speaks to its gateway: there, whole, of the pinned CA, and good today.
import { belongsTo, isSignedBy, rootsOf, validityOf } from '../../identity/certificate.ts';
import { define, fail, ok, skip, warn } from '../../preflight/check.ts';

export const nodeCertificate = define({
  code: 'NODE_CERTIFICATE',
  id: 'node-certificate',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['TIME_SKEW'],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    const { identity } = node;
    if (identity === undefined) return fail('missing', 'none', 'key, certificate, CA');
    const { certificatePem, keyPem, caPem } = identity;
    try {
      const { notBeforeMs, notAfterMs } = validityOf(certificatePem);
      const now = host.clock.nowMs();
      const until = new Date(notAfterMs).toISOString();
      const values = { until, since: new Date(notBeforeMs).toISOString() };
      if (!belongsTo(certificatePem, keyPem))
        return fail('damaged', 'key ≠ certificate', '', { detail: 'key' });
      if (!rootsOf(caPem).some((root) => isSignedBy(certificatePem, root))) {
        return fail('otherAuthority', 'issuer ≠ CA', 'CA', values);
      }
      if (now > notAfterMs) return fail('expired', until, '> now', values);
      if (now < notBeforeMs) return fail('early', values.since, '< now', values);
      // It is renewed at two thirds of its life; at nine tenths something keeps it from that.
      const overdue = now > notBeforeMs + (notAfterMs - notBeforeMs) * 0.9;
      return overdue ? warn('overdue', until, '> 10 %', values) : ok(until, '> now');
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return fail('damaged', detail, 'PEM', { detail });
    }
  },
});
