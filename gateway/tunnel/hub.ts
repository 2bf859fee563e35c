// The gateway's end of all tunnels: at most one session per node. Who the node is was decided by its
// certificate before `handleUpgrade` (gateway/join); nothing that the agent says changes it. A newer
// connection of the same agent goes on with the session or supersedes it, an older one is refused, and so are
// a node that connects too often, and a second host with the identity of one that answers.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { WebSocketServer } from 'ws';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { tellEach } from '../../protocol/defect.ts';
import type { SeenHost } from '../../protocol/messages/machine.ts';
import { realClock, type TunnelClock } from '../../protocol/tunnel/clock.ts';
import { type Admission, answerHello } from '../../protocol/tunnel/handshake.ts';
import { defaultLimits, type TunnelLimits } from '../../protocol/tunnel/limits.ts';
import type { AgentHello } from '../../protocol/tunnel/messages.ts';
import { ReadingPaces } from '../../protocol/tunnel/reading-pace.ts';
import { Session } from '../../protocol/tunnel/session.ts';
import type { SessionStream } from '../../protocol/tunnel/stream.ts';
import { CloseCode, type Transport } from '../../protocol/tunnel/transport.ts';
import { type ViolationKind, violationKind } from '../../protocol/tunnel/violation.ts';
import { WebsocketTransport } from '../../protocol/tunnel/websocket.ts';
import { type HubCounters, newHubCounters, RefusalCounter, type RefusalRecord } from './counters.ts';
import { drainSessions } from './draining.ts';
import type { Held, SessionSums, TunnelNode, UpgradeCertificate } from './held-sessions.ts';
import { HeldSessions } from './held-sessions.ts';
import { Inquiry, peerAddress } from './inquiry.ts';
import { endWith } from './last-words.ts';
import { Rivals, type RivalsOptions } from './rivals.ts';
import { rememberedNodes, UpgradeGate, type UpgradeRefusal, websocketUpgrades } from './upgrade-gate.ts';

export interface HubOptions extends RivalsOptions {
  readonly logger: Logger;
  readonly limits?: Partial<TunnelLimits>;
  readonly clock?: TunnelClock;
  /** Of this replica; agents are told it. */
  readonly name?: string;
  /** A stream that an agent opens; must be attached and accepted, or refused. Without it all are refused. */
  readonly onOffer?: (node: TunnelNode, stream: SessionStream) => void;
  /** What a node was refused, at a bounded rate; the counters have all. */
  readonly onRefusal?: (record: RefusalRecord) => void;
  /** Connections of one node within a minute. */
  readonly connectionsPerMinute?: number;
}

export type HubFigures = HubCounters & SessionSums;

const drainGraceMs = 10_000;
/** An agent is heard every 5 s, and one of a former release every 10 s. */
const deadAfterMs = 15_000;
const draining: UpgradeRefusal = { status: '503 Service Unavailable', kind: 'draining' };

export class TunnelHub {
  readonly counters: HubCounters = newHubCounters();
  readonly #logger: Logger;
  readonly #clock: TunnelClock;
  readonly #limits: TunnelLimits;
  readonly #name: string | undefined;
  readonly #gate: UpgradeGate;
  readonly #paces = new ReadingPaces(rememberedNodes);
  readonly #onOffer: (node: TunnelNode, stream: SessionStream) => void;
  readonly #held = new HeldSessions();
  readonly rivals: Rivals;
  readonly #sessionListeners: ((node: string, session: Session) => void)[] = [];
  readonly #closeListeners: ((node: string, session: Session) => void)[] = [];
  readonly #telemetryListeners: ((node: string, payload: Uint8Array) => void)[] = [];
  readonly #heartbeatListeners: ((node: string, payload: Uint8Array) => void)[] = [];
  readonly #upgrades: WebSocketServer;
  readonly #refusals: RefusalCounter;
  #draining = false;

  constructor(options: HubOptions) {
    const { logger, limits, clock, name, onOffer, onRefusal, connectionsPerMinute } = options;
    this.#logger = logger;
    this.#clock = clock ?? realClock;
    const nowMs = () => this.#clock.nowMs();
    this.#refusals = new RefusalCounter(this.counters, nowMs, (record) => {
      logger.warn(record, 'refused at the tunnel');
      onRefusal?.(record);
    });
    this.#limits = { ...defaultLimits, deadAfterMs, ...limits };
    this.rivals = new Rivals(this.#held, this.#clock, this.#limits.suspectAfterMs, options);
    this.#name = name;
    this.#gate = new UpgradeGate(nowMs, connectionsPerMinute);
    this.#onOffer = onOffer ?? refuseOffer;
    this.#upgrades = websocketUpgrades();
  }

  get figures(): HubFigures {
    return { ...this.counters, ...this.#held.sums };
  }

  /** The caller has verified the certificate and asked nobody else. */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    node: TunnelNode,
    certificate?: UpgradeCertificate,
  ): void {
    const refusal = this.#draining ? draining : this.#gate.whyRefused(request, node.name);
    if (refusal) {
      this.#refusals.count('upgradesRefused', node.name, refusal.kind, refusal.status);
      endWith(socket, `HTTP/1.1 ${refusal.status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#upgrades.handleUpgrade(request, socket, head, (websocket) => {
      const transport = new WebsocketTransport(websocket, socket as Socket, true);
      this.accept(transport, node, peerAddress(request), certificate);
    });
  }

  /** A transport that belongs to this node; the agent must say HELLO next. */
  accept(transport: Transport, node: TunnelNode, address = '', certificate?: UpgradeCertificate): void {
    const inquiry = new Inquiry(node, address, this.#limits.suspectAfterMs);
    const name = this.#name === undefined ? {} : { name: this.#name };
    const pace = this.#paces.of(node.name, this.#clock.nowMs());
    const options = { clock: this.#clock, limits: this.#limits, pace, ...name };
    answerHello(
      transport,
      options,
      (hello) => this.#admit(inquiry, hello, certificate),
      (reason, kind) => this.#refusals.count('handshakesFailed', node.name, kind, reason),
    );
  }

  /** The host that has the node's tunnel here, as it was seen. */
  host(node: string): SeenHost | undefined {
    return this.#held.get(node)?.host;
  }

  session(node: string): Session | undefined {
    return this.#held.get(node)?.session;
  }

  /** Connected nodes, and those that may still come back within the resume window. */
  nodes(): string[] {
    return this.#held.nodes;
  }

  /** A new session, not one that was resumed. */
  onSession(listener: (node: string, session: Session) => void): void {
    this.#sessionListeners.push(listener);
  }

  onClose(listener: (node: string, session: Session) => void): void {
    this.#closeListeners.push(listener);
  }

  onTelemetry(listener: (node: string, payload: Uint8Array) => void): void {
    this.#telemetryListeners.push(listener);
  }

  onHeartbeat(listener: (node: string, payload: Uint8Array) => void): void {
    this.#heartbeatListeners.push(listener);
  }

  acknowledgeTelemetry(node: string, payload: Uint8Array): void {
    this.#held.get(node)?.session.acknowledgeTelemetry(payload);
  }

  /** The node reports without end; it waits, and that is counted with what breaks the protocol. */
  hurried(node: string): void {
    this.#refusals.count(
      'violations',
      node,
      'reports' satisfies ViolationKind,
      'more reports than are taken',
    );
  }

  /** The node was removed, or its certificate revoked: at once, streams and all. */
  close(node: string, reason: string): void {
    this.#held.get(node)?.session.end(CloseCode.removed, reason);
  }

  /**
   * The node's tunnel is at another replica now. Of a session that is being drained this is the plan: it
   * lives until its streams have ended. Any other is a connection that has died without a word.
   */
  supersede(node: string, reason: string): void {
    const session = this.#held.get(node)?.session;
    if (session && !(session.state === 'Draining' && session.attached)) {
      session.end(CloseCode.superseded, reason);
    }
  }

  /**
   * No new sessions; the ones that are here are given away within `graceMs` and a few seconds, then ended.
   */
  async drain(graceMs = drainGraceMs): Promise<void> {
    this.#draining = true;
    const sessions = () => this.#held.sessions;
    const onClose = (listener: () => void) => this.onClose(listener);
    const parts = { clock: this.#clock, sessions, count: () => this.#held.size, onClose };
    await drainSessions(parts, graceMs);
    this.shutdown();
  }

  /** Ends everything: the process is about to stop. */
  shutdown(): void {
    this.#draining = true;
    for (const session of this.#held.sessions) {
      session.end(CloseCode.shuttingDown, 'the gateway stops');
    }
    this.#upgrades.close();
    this.rivals.conflicts.stop();
  }

  /** Of what is true now: since the connection came its certificate may have been replaced or revoked. */
  #admit(inquiry: Inquiry, hello: AgentHello, certificate: UpgradeCertificate | undefined): Admission {
    if (this.#draining) return { refuse: 'this gateway is about to stop' };
    if (certificate?.isGood() === false) return { refuse: 'its certificate was replaced or revoked' };
    const admission = this.#judge(inquiry, hello);
    if ('session' in admission) certificate?.inUse();
    return admission;
  }

  #judge(inquiry: Inquiry, hello: AgentHello): Admission {
    const { node } = inquiry;
    const held = this.#held.get(node.name);
    const claim = this.#held.judge(node.name, hello);
    switch (claim.verdict) {
      case 'of another node': {
        const detail = `it asked for the session of ${claim.owner}`;
        return { refuse: 'the session is not of this node', kind: 'another-node', detail };
      }
      case 'stale':
        this.counters.staleConnections += 1;
        return { refuse: `epoch ${hello.epoch} is not newer than ${held?.epoch}` };
      case 'goes on': {
        const { session, id } = claim.held;
        session.suspend('a newer connection of the agent takes over');
        if (!session.canResume(hello.received)) break;
        claim.held.epoch = hello.epoch;
        this.counters.resumptions += 1;
        return { session, resume: true, id };
      }
      case 'takes over':
      case 'new': {
        const refusal = this.rivals.whyNot(inquiry, hello, claim.verdict === 'new' ? undefined : held);
        if (refusal) return refusal;
        if (claim.verdict === 'new') break;
        this.counters.takeovers += 1;
        this.#logger.warn({ node: node.name }, 'another agent process has taken over the tunnel');
      }
    }
    held?.session.end(CloseCode.superseded, 'a newer session of the node');
    return this.#newSession(node, hello, inquiry.claimant(hello).host);
  }

  #newSession(node: TunnelNode, { instance, epoch }: AgentHello, host: SeenHost): Admission {
    const { name } = node;
    const session = new Session({
      role: 'gateway',
      clock: this.#clock,
      limits: this.#limits,
      onOffer: (stream) => this.#onOffer(node, stream),
      onHeartbeat: (payload) => this.#tell(this.#heartbeatListeners, name, payload),
      onTelemetry: (payload) => this.#tell(this.#telemetryListeners, name, payload),
      onConnectionLost: (reason) => {
        this.#logger.info({ node: name, reason }, 'tunnel connection lost');
        // Its agent has been sent elsewhere and will not come back for it.
        if (this.#draining) session.end(CloseCode.shuttingDown, reason);
      },
      onUnknownControl: () => {
        this.counters.unknownMessages += 1;
      },
      onViolation: (fault) => this.#refusals.count('violations', name, violationKind(fault), fault.message),
    });
    const id = randomBytes(16).toString('hex');
    const held: Held = { node, session, id, instance, host, epoch };
    this.#held.hold(held);
    this.counters.sessionsBegun += 1;
    session.onStateChange((state) => this.#stateChanged(held, state));
    return { session, resume: false, id };
  }

  #stateChanged(held: Held, state: string): void {
    const { node, session } = held;
    this.#logger.info({ node: node.name, state }, 'tunnel state');
    if (state === 'Open' && session.figures.resumptions === 0) {
      tellEach('tunnel session', this.#sessionListeners, node.name, session);
    }
    if (state !== 'Closed') return;
    this.#held.release(held);
    tellEach('tunnel session closed', this.#closeListeners, node.name, session);
  }

  #tell(listeners: ((node: string, payload: Uint8Array) => void)[], node: string, payload: Uint8Array): void {
    for (const listener of listeners) listener(node, payload);
  }
}

function refuseOffer({ name, pool }: TunnelNode, stream: SessionStream): void {
  const { target } = stream.target;
  stream.refuse(new Fault('TUNNEL_API_SERVER_REFUSED', { target, node: name, pool }));
}
