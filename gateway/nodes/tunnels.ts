// What this replica knows of its nodes' tunnels, from the hub's sessions: open or not, since when, and the
// agent's latest report. It also sends the desired state to each new session. Nothing here is stored.
import type { ControlMessage } from '../../protocol/messages/control.ts';
import type { SeenHost } from '../../protocol/messages/machine.ts';
import type { SessionState, TunnelSession } from '../../protocol/messages/session.ts';
import { ReportPace } from './report-pace.ts';

export type Report = Extract<ControlMessage, { kind: 'report' }>;

export interface TunnelState {
  readonly connected: boolean;
  readonly sinceMs: number;
  readonly session: TunnelSession;
  readonly report: Report | undefined;
  /** It stands in the registration that this replica has this session. */
  readonly claimed: boolean;
  readonly host: SeenHost | undefined;
}

export class Tunnels {
  readonly #states = new Map<string, TunnelState>();
  readonly #listeners: ((nodeName: string) => void)[] = [];
  readonly #now: () => number;
  readonly #pace: ReportPace;

  /** `onHurry`: the node reports faster than can be of use to anybody. */
  constructor(now: () => number, onHurry: (nodeName: string) => void = () => {}) {
    this.#now = now;
    this.#pace = new ReportPace(now, onHurry);
  }

  onChange(listener: (nodeName: string) => void): void {
    this.#listeners.push(listener);
  }

  get(nodeName: string): TunnelState | undefined {
    return this.#states.get(nodeName);
  }

  isConnected(nodeName: string): boolean {
    return this.#states.get(nodeName)?.connected ?? false;
  }

  /** Names of the nodes whose tunnel is open here. */
  *connected(): Iterable<string> {
    for (const [name, state] of this.#states) if (state.connected) yield name;
  }

  /** For TunnelHub.onSession. */
  opened(nodeName: string, session: TunnelSession, host?: SeenHost): void {
    const previous = this.#states.get(nodeName);
    this.#states.set(nodeName, {
      connected: isUp(session.state),
      sinceMs: this.#now(),
      session,
      report: previous?.report,
      claimed: false,
      host,
    });
    session.onStateChange((state) => this.#change(nodeName, session, { connected: isUp(state) }));
    session.onControl((message) => {
      if (message.kind !== 'report') return;
      this.#pace.take(nodeName, () => this.#change(nodeName, session, { report: message }));
    });
    this.#tell(nodeName);
  }

  /** Sends when the tunnel is open; false when not. */
  send(nodeName: string, message: ControlMessage): boolean {
    const state = this.#states.get(nodeName);
    if (!state?.connected) return false;
    state.session.sendControl(message);
    return true;
  }

  /** The registration says so now. */
  claimed(nodeName: string, session: TunnelSession): void {
    const state = this.#states.get(nodeName);
    if (state?.session === session) this.#states.set(nodeName, { ...state, claimed: true });
  }

  forget(nodeName: string): void {
    this.#states.delete(nodeName);
    this.#pace.forget(nodeName);
  }

  #change(nodeName: string, session: TunnelSession, change: { connected?: boolean; report?: Report }): void {
    const state = this.#states.get(nodeName);
    // An older session of this node has nothing to say any more.
    if (state?.session !== session) return;
    const connected = change.connected ?? state.connected;
    const sinceMs = connected === state.connected ? state.sinceMs : this.#now();
    this.#states.set(nodeName, { ...state, ...change, connected, sinceMs });
    this.#tell(nodeName);
  }

  #tell(nodeName: string): void {
    for (const listener of this.#listeners) listener(nodeName);
  }
}

/** A tunnel that is being drained still carries everything. */
function isUp(state: SessionState): boolean {
  return state === 'Open' || state === 'Draining';
}
