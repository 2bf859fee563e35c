// Some programs read http_proxy, some HTTP_PROXY, some neither. When the two differ, half of them take
// another way than the other half.
import { define, ok, warn } from '../check.ts';
import { type ProxySetting, proxySettings, withoutCredentials } from '../observation/proxies.ts';

export const proxyAgreement = define({
  code: 'PROXY_AGREEMENT',
  id: 'proxy-agreement',
  group: 'line',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const settings = await proxySettings(host);
    if (settings.length === 0) return ok('none');
    const pair = differing(settings);
    if (pair === undefined) {
      return ok(
        [...new Set(settings.map((one) => `${one.variable}=${withoutCredentials(one.value)}`))].join(' '),
      );
    }
    const [a, b] = pair.map((one) => `${one.variable}=${withoutCredentials(one.value)} (${one.source})`);
    return warn('differ', `${a} ≠ ${b}`, '=', { first: a ?? '', second: b ?? '' });
  },
});

function differing(settings: readonly ProxySetting[]): readonly [ProxySetting, ProxySetting] | undefined {
  for (const one of settings) {
    const other = settings.find((setting) => setting.name === one.name && setting.value !== one.value);
    if (other) return [one, other];
  }
  return undefined;
}
