// All that leads to the gateway, made and not yet used: its HTTPS calls, the tunnel, the certificate that
// both show and its renewal, and the kubelet's way to the API server.
import { createGatewayApi, type GatewayApi } from '../identity/gateway-api.ts';
import { Renewal } from '../identity/renewal.ts';
import type { Identity } from '../identity/store.ts';
import { ApiServerListener } from '../tunnel/api-server.ts';
import { kubeletAddress, ownTargets } from '../tunnel/targets.ts';
import { createTunnel, type Tunnel } from '../tunnel/tunnel.ts';
import type { Given } from './given.ts';
import type { Self } from './self.ts';
import { streamLog } from './stream-log.ts';

export interface Link {
  readonly gateway: GatewayApi;
  readonly tunnel: Tunnel;
  readonly apiServer: ApiServerListener;
  readonly renewal: Renewal;
  readonly currentIdentity: () => Identity;
}

export function prepareLink(parts: Given & Self): Link {
  const { host, logger, signal, life, configuration, identity, machine } = parts;
  const { environment } = host;
  const { gatewayUrl, nodeName } = configuration;
  let current = identity;
  const gateway = createGatewayApi({ url: gatewayUrl, ...identity, environment });
  life.defer(() => gateway.close());
  const audit = streamLog(logger, host.clock);
  const tunnel = createTunnel({
    ...identity,
    ...{ url: gatewayUrl, nodeName, machine, audit, logger, signal, environment },
    resolveTarget: ownTargets(host),
    // Anybody may be what listens in a pod.
    beforeDial: (address) => (address === kubeletAddress ? host.network.beforeDial() : undefined),
  });
  const renewal = new Renewal({
    ...{ host, nodeName, identity, logger, signal },
    renew: (csrPem) => gateway.renew(csrPem, signal),
    onRenewed: (renewed) => {
      current = renewed;
      gateway.useIdentity(renewed);
      tunnel.renew(renewed);
    },
    onTrust: (renewed) => {
      current = renewed;
      gateway.useIdentity(renewed);
      tunnel.trust(renewed.caPem);
    },
  });
  const apiServer = new ApiServerListener({ host, tunnel, nodeName, audit, logger, signal });
  return { gateway, tunnel, apiServer, renewal, currentIdentity: () => current };
}
