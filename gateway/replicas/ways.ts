// Where a stream for a node goes: into its session when that is here, else to the replica that
// holds its tunnel. A node that lost its tunnel a moment ago is waited for a little: it is probably
// on its way to another replica.
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { StreamTarget } from '../../protocol/messages/session.ts';
import type { TunnelClock } from '../../protocol/tunnel/clock.ts';
import type { Session } from '../../protocol/tunnel/session.ts';
import type { StreamEndpoint } from '../../protocol/tunnel/stream.ts';
import type { EgressWay } from '../egress/server.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import type { TunnelHub } from '../tunnel/hub.ts';
import { holderOf } from './holding.ts';
import { recentMs, waitForTunnelMs } from './limits.ts';
import type { Links } from './links.ts';
import type { Roster } from './roster.ts';
import { formatForwardTarget } from './target.ts';

export interface WaysOptions {
  readonly self: string;
  readonly hub: Pick<TunnelHub, 'session'>;
  readonly registered: (name: string) => RegisteredNode | undefined;
  readonly roster: Pick<Roster, 'isLive' | 'get'>;
  readonly links: Pick<Links, 'open'>;
  readonly clock: TunnelClock;
}

export class Ways {
  readonly #options: WaysOptions;
  readonly #waiting = new Set<(node: string | undefined) => void>();

  constructor(options: WaysOptions) {
    this.#options = options;
  }

  /** For the egress server. */
  session(node: string): EgressWay | undefined {
    const way = this.#way(node);
    if (way || !this.#mayComeBack(node)) return way;
    return { open: (target, endpoint) => this.#openLater(node, target, endpoint) };
  }

  /** Something about this node's tunnel has changed; without a name, about the replicas. */
  changed(node?: string): void {
    for (const look of [...this.#waiting]) look(node);
  }

  #way(node: string): EgressWay | undefined {
    const { self, hub, roster, registered } = this.#options;
    const here = hub.session(node);
    if (here?.attached && here.state === 'Open') return here;
    const holder = holderOf(registered(node), { isLive: (name) => roster.isLive(name) });
    if (holder !== undefined && holder !== self) return this.#through(holder, node);
    // It is being drained, or is between two connections: the stream waits in it, as those that are open.
    return isUsable(here) ? here : undefined;
  }

  #through(replica: string, node: string): EgressWay {
    const { roster, links } = this.#options;
    const address = roster.get(replica)?.address ?? '';
    return {
      replica,
      open: ({ target, reason }, endpoint) =>
        links.open({ replica, address }, { target: formatForwardTarget({ node, target }), reason }, endpoint),
    };
  }

  #mayComeBack(node: string): boolean {
    const tunnel = this.#options.registered(node)?.status?.tunnel;
    if (!tunnel) return false;
    return tunnel.connected || this.#options.clock.dateMs() - Date.parse(tunnel.since) < recentMs;
  }

  #openLater(node: string, target: StreamTarget, endpoint: StreamEndpoint): () => void {
    let giveUp = () => {};
    const settle = () => {
      timer.cancel();
      this.#waiting.delete(look);
    };
    const refuse = (fault: Fault) => {
      settle();
      endpoint.refused(fault);
    };
    const look = (changed: string | undefined) => {
      const way = changed === undefined || changed === node ? this.#way(node) : undefined;
      if (!way) return;
      settle();
      giveUp = way.open(target, endpoint);
    };
    const timer = this.#options.clock.after(waitForTunnelMs, () =>
      refuse(new Fault('TUNNEL_NODE_NOT_CONNECTED', { node })),
    );
    this.#waiting.add(look);
    giveUp = () => refuse(new Fault('TUNNEL_STREAM_RESET', { detail: 'cancelled' }));
    return () => giveUp();
  }
}

function isUsable(session: Session | undefined): session is Session {
  return session !== undefined && session.id !== '' && session.state !== 'Closed';
}
