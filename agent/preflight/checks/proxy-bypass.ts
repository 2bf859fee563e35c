// With a proxy set, whatever stands on the private line or inside the cluster has to be exempt from it.
import { define, ok, skip, warn } from '../check.ts';
import { gatewayTarget } from '../observation/gateway.ts';
import { isExempt, proxySettings } from '../observation/proxies.ts';

const alwaysInside = [
  '127.0.0.1',
  'localhost',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

export const proxyBypass = define({
  code: 'PROXY_BYPASS',
  id: 'proxy-bypass',
  group: 'line',
  severity: 'advisory',
  dependsOn: [],
  async run(host, context) {
    const settings = await proxySettings(host);
    if (!settings.some((setting) => setting.name !== 'no_proxy')) return skip('notNeeded', 'proxy absent');
    const lists = settings.filter((setting) => setting.name === 'no_proxy');
    const gateway = gatewayTarget(context)?.name;
    const ranges = context.clusterCidrs ?? [];
    const inside = [...alwaysInside, ...(gateway === undefined ? [] : [gateway])];
    const exempt = (name: string) => lists.length > 0 && lists.every((list) => isExempt(list.value, name));
    const listed = (range: string) => lists.every((list) => list.value.split(/[\s,]+/).includes(range));
    const missing = [
      ...inside.filter((name) => !exempt(name)),
      ...ranges.filter((range) => lists.length === 0 || !listed(range)),
    ];
    const threshold = [...inside, ...ranges].join(',');
    return missing.length === 0
      ? ok('NO_PROXY', threshold)
      : warn('missing', `NO_PROXY without ${missing.join(', ')}`, threshold, {
          missing: missing.join(', '),
          list: missing.join(','),
        });
  },
});
