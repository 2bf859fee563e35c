// Whether a node whose certificate is good may have a tunnel at this moment: not without our subprotocol, and
// not over and over again. What it does in the tunnel is for others to judge.
import type { IncomingMessage } from 'node:http';
import { WebSocketServer } from 'ws';
import { TokenBuckets } from '../../protocol/rate/token-bucket.ts';
import { subprotocol } from '../../protocol/tunnel/limits.ts';
import { websocketOptions } from '../../protocol/tunnel/websocket.ts';

export interface UpgradeRefusal {
  readonly status: string;
  /** As `regnode_gateway_tunnel_upgrades_refused_total` names it. */
  readonly kind: string;
}

const defaultConnectionsPerMinute = 60;
export const rememberedNodes = 20_000;

export class UpgradeGate {
  readonly #nowMs: () => number;
  readonly #connections: TokenBuckets;

  constructor(nowMs: () => number, connectionsPerMinute = defaultConnectionsPerMinute) {
    this.#nowMs = nowMs;
    const limits = { burst: connectionsPerMinute, perSecond: connectionsPerMinute / 60 };
    this.#connections = new TokenBuckets(limits, rememberedNodes);
  }

  whyRefused(request: IncomingMessage, node: string): UpgradeRefusal | undefined {
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
    if (!offered?.includes(subprotocol)) return { status: '400 Bad Request', kind: 'subprotocol' };
    if (this.#connections.take(node, 1, this.#nowMs())) return undefined;
    return { status: '429 Too Many Requests', kind: 'too-often' };
  }
}

export function websocketUpgrades(): WebSocketServer {
  return new WebSocketServer({
    ...websocketOptions,
    noServer: true,
    clientTracking: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
}
