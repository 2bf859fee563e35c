// Whether a node whose certificate is good may have a tunnel at this moment: not without our subprotocol, and not over and over
// again. What it does in the tunnel is for others to judge.
import type { IncomingMessage } from 'node:http';
import { subprotocol } from '../../protocol/tunnel/limits.ts';

export interface UpgradeRefusal {
  readonly status: string;
  /** As `regnode_gateway_tunnel_upgrades_refused_total` names it. */
  readonly kind: string;
}

const defaultConnectionsPerMinute = 60;

export class UpgradeGate {
  readonly #connectionsPerMinute: number;
  readonly #nowMs: () => number;
  readonly #recent = new Map<string, { minute: number; connections: number }>();

  constructor(nowMs: () => number, connectionsPerMinute = defaultConnectionsPerMinute) {
    this.#nowMs = nowMs;
    this.#connectionsPerMinute = connectionsPerMinute;
  }

  /** Every call counts as a connection. */
  whyRefused(request: IncomingMessage, node: string): UpgradeRefusal | undefined {
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
    if (!offered?.includes(subprotocol)) return { status: '400 Bad Request', kind: 'subprotocol' };
    const minute = Math.floor(this.#nowMs() / 60_000);
    const recent = this.#recent.get(node);
    const connections = recent?.minute === minute ? recent.connections + 1 : 1;
    this.#recent.set(node, { minute, connections });
    if (connections <= this.#connectionsPerMinute) return undefined;
    return { status: '429 Too Many Requests', kind: 'too-often' };
  }
}
