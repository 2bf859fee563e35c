// The address that this host has toward the gateway: its place on the private line, and the node's address.
import type { Host } from '../host/host.ts';

/** undefined when the name can't be resolved or there is no route. */
export async function addressToward(host: Host, gatewayUrl: string): Promise<string | undefined> {
  const name = new URL(gatewayUrl).hostname.replace(/^\[|\]$/g, '');
  const addresses = await host.network.resolve(name).catch(() => []);
  for (const address of addresses) {
    const route = await host.network.routeTo(address);
    if (route !== undefined) return route.source;
  }
  return undefined;
}
