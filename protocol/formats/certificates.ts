// Bundles of certificates in one form, so that two that hold the same are the same text: another order, what
// stands between them and how their lines are broken is no difference. Pure.
const block = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;
const lineLength = 64;

/** Each certificate once, sorted; empty when there is none. */
export function bundleOf(pem: string): string {
  return bodiesOf(pem)
    .map((body) => {
      const lines = body.match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
      return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
    })
    .join('');
}

export function sameCertificates(a: string, b: string): boolean {
  return bundleOf(a) === bundleOf(b);
}

function bodiesOf(pem: string): string[] {
  const bodies = [...pem.matchAll(block)].map(([, body = '']) => body.replaceAll(/\s+/g, ''));
  return [...new Set(bodies)].filter((body) => body !== '').sort();
}
