// A join through a gateway of its own, as every test that needs a joined host does it: without
// preflight, and nobody watches.

import type { Host } from '../../agent/host/host.ts';
import { type JoinOptions, joinNode } from '../../agent/node/join.ts';
import type { LoopbackGateway } from './gateway.ts';

export function joinThrough(gateway: LoopbackGateway, host: Host, more: Partial<JoinOptions> = {}) {
  return joinNode(host, {
    settings: {
      gatewayUrl: gateway.url,
      caPem: gateway.caPem,
      nodeName: 'idc-1',
      token: 'rt-abcdef.secret',
      artifactKeySha256: gateway.artifactKey.id,
    },
    preflight: async () => undefined,
    listener: { phase() {}, plan() {}, step() {}, waiting() {} },
    readyTimeoutMs: 1000,
    signal: new AbortController().signal,
    ...more,
  });
}
