// The sessions that this gateway holds, at most one per node, and what a HELLO asks for in view of
// them. Only its node may name a session, whatever it says. Nothing is begun or ended here: the
// hub carries the verdict out.
import type { SeenHost } from '../../protocol/messages/machine.ts';
import type { AgentHello } from '../../protocol/tunnel/messages.ts';
import type { Session } from '../../protocol/tunnel/session.ts';

export interface TunnelNode {
  readonly name: string;
  readonly pool: string;
}

/** With which a connection has come; whoever connects says HELLO when it likes. */
export interface UpgradeCertificate {
  /** It was not struck since. */
  isGood(): boolean;
  /** A session has begun, or goes on, with it. */
  inUse(): void;
}

export interface Held {
  readonly node: TunnelNode;
  readonly session: Session;
  readonly id: string;
  /** Of the agent's process. */
  readonly instance: string;
  /** As it was seen when the session began. */
  readonly host: SeenHost;
  /** Of its last connection; the next one is newer. */
  epoch: number;
}

/** What the agent's HELLO means, seen from what is held of its node. */
type Claim =
  | { readonly verdict: 'of another node'; readonly owner: string }
  /** Older than the connection at hand, or the same again. */
  | { readonly verdict: 'stale' }
  /** The same process with a newer connection for the same session. */
  | { readonly verdict: 'goes on'; readonly held: Held }
  /** Another process of the node. */
  | { readonly verdict: 'takes over' }
  | { readonly verdict: 'new' };

export interface SessionSums {
  readonly sessions: number;
  readonly connected: number;
  readonly streams: number;
  readonly unacknowledgedBytes: number;
}

export class HeldSessions {
  readonly #held = new Map<string, Held>();
  /** Session id → node. */
  readonly #owners = new Map<string, string>();

  get size(): number {
    return this.#held.size;
  }

  get nodes(): string[] {
    return [...this.#held.keys()];
  }

  get sessions(): Session[] {
    return [...this.#held.values()].map(({ session }) => session);
  }

  get sums(): SessionSums {
    const { sessions } = this;
    const figures = sessions.map((session) => session.figures);
    return {
      sessions: sessions.length,
      connected: sessions.filter((session) => session.attached).length,
      streams: figures.reduce((sum, { streams }) => sum + streams, 0),
      unacknowledgedBytes: figures.reduce((sum, { unacknowledgedBytes }) => sum + unacknowledgedBytes, 0),
    };
  }

  get(node: string): Held | undefined {
    return this.#held.get(node);
  }

  hold(held: Held): void {
    this.#held.set(held.node.name, held);
    this.#owners.set(held.id, held.node.name);
  }

  /** It has ended; another one of the node may be held by now. */
  release({ node: { name }, session, id }: Held): void {
    this.#owners.delete(id);
    if (this.#held.get(name)?.session === session) this.#held.delete(name);
  }

  judge(node: string, { session, instance, epoch }: AgentHello): Claim {
    const owner = this.#owners.get(session);
    if (owner !== undefined && owner !== node) return { verdict: 'of another node', owner };
    const held = this.#held.get(node);
    if (held === undefined) return { verdict: 'new' };
    if (held.instance !== instance) return { verdict: 'takes over' };
    if (epoch <= held.epoch) return { verdict: 'stale' };
    return session === held.id ? { verdict: 'goes on', held } : { verdict: 'new' };
  }
}
