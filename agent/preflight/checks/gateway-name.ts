// The gateway's URL must be an https one, and its name must lead to an address.
import { define, fail, ok, skip } from '../check.ts';
import { isAddress } from '../observation/addresses.ts';
import { errorCode, gatewayAddresses, gatewayTarget } from '../observation/gateway.ts';

export const gatewayName = define({
  code: 'GATEWAY_NAME',
  id: 'gateway-name',
  group: 'line',
  severity: 'blocking',
  dependsOn: [],
  timeoutMs: 5000,
  async run(host, context) {
    if (context.gatewayUrl === undefined) return skip('noGateway');
    const target = gatewayTarget(context);
    if (target === undefined) {
      return fail('url', `"${context.gatewayUrl}"`, 'https://HOST[:PORT]', { url: context.gatewayUrl });
    }
    const { name } = target;
    if (isAddress(name)) return ok(name);
    try {
      const addresses = await gatewayAddresses(host, target);
      return addresses.length > 0
        ? ok(`${name} = ${addresses.join(', ')}`)
        : fail('unresolved', `${name} = none`, '≥ 1', { name, detail: 'none' });
    } catch (error) {
      return fail('unresolved', `${name}: ${errorCode(error)}`, '≥ 1', { name, detail: errorCode(error) });
    }
  },
});
