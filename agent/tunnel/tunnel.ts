// The agent's end of the tunnel: one session that is kept alive for ever over as many connections as it
// takes. When a gateway drains, a second session is opened beside the first, which ends with its last stream.
// Streams that the gateway opens go to targets.ts; what may be dialled is the caller's `resolveTarget`.
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { Fault } from '../../protocol/catalogue/fault.ts';
import { tellEach } from '../../protocol/defect.ts';
import type { ControlMessage } from '../../protocol/messages/control.ts';
import type { Machine } from '../../protocol/messages/machine.ts';
import type {
  SessionState,
  StreamTarget,
  TelemetryChannel,
  TunnelSession,
} from '../../protocol/messages/session.ts';
import { RepeatFilter } from '../../protocol/rate/repeat-filter.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import { realClock, type TunnelClock, type TunnelTimer } from '../../protocol/tunnel/clock.ts';
import { defaultLimits, type TunnelLimits } from '../../protocol/tunnel/limits.ts';
import { Session } from '../../protocol/tunnel/session.ts';
import type { SessionFigures } from '../../protocol/tunnel/session-options.ts';
import type { StreamEndpoint } from '../../protocol/tunnel/stream.ts';
import { connectTarget, type ResolveTarget, type TargetOptions } from '../../protocol/tunnel/targets.ts';
import { CloseCode } from '../../protocol/tunnel/transport.ts';
import { proxyFor } from '../config/proxy.ts';
import type { GatewayAddresses } from './addresses.ts';
import { Connector } from './connector.ts';
import { type TunnelIdentity, tunnelUrl } from './dial.ts';

export interface TunnelOptions extends TunnelIdentity {
  /** `https://GATEWAY[:PORT]` or the websocket URL itself. */
  readonly url: string;
  /** For the audit records. */
  readonly nodeName?: string;
  readonly machine?: Machine;
  readonly resolveTarget: ResolveTarget;
  readonly beforeDial?: TargetOptions['beforeDial'];
  readonly audit: (record: StreamAudit) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly limits?: Partial<TunnelLimits>;
  readonly clock?: TunnelClock;
  /** Where HTTPS_PROXY and NO_PROXY are looked up. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly dialTimeoutMs?: number;
  /** Those of the gateway's name; default: as the resolver of the host says. */
  readonly addresses?: GatewayAddresses;
}

interface TunnelStatus extends SessionFigures {
  readonly gateway: string;
  /** The replica of the gateway that answered, as it calls itself. */
  readonly replica: string;
  /** `host:port` of the proxy in use. */
  readonly proxy: string | undefined;
  readonly attempts: number;
  readonly lastFault: Fault | undefined;
}

export interface Tunnel extends TunnelSession {
  /**
   * For how long nothing has shown that the gateway hears us, when a PING has no answer and another
   * connection can not be made, or is not made in time; it stays Open until it is given up as dead.
   */
  readonly silentMs: number | undefined;
  readonly status: TunnelStatus;
  /** From now on, and until the signal. */
  connect(): void;
  /**
   * Opens a stream to the gateway for an endpoint, which hears every outcome. The function gives up waiting.
   */
  open(target: StreamTarget, endpoint: StreamEndpoint): () => void;
  /** A renewed certificate: the session moves to a connection that uses it; no stream notices. */
  renew(identity: TunnelIdentity): void;
  /** Other roots, from the next connection on. */
  trust(caPem: string): void;
}

const targetDialTimeoutMs = 10_000;
/**
 * The agent asks more often than the gateway, which then hears enough: a line that drops everything is known
 * after one interval, the time of one doubt and that of one attempt, 11 s, and said within 15.
 */
const pingIntervalMs = 5_000;
/** A second way may take as long as a proxy on it: nobody waits for that to be told. */
const silentAfterMs = 12_000;
const retireCheckMs = 1000;
const toldOnceIn = { intervalMs: 60_000, remembered: 10 };
/** A gateway that drains spreads its agents over its grace; what asks for more does not mean to drain. */
const longestMoveMs = 10 * 60_000;

/** Connects to nobody before `connect`. */
export function createTunnel(options: TunnelOptions): Tunnel {
  return new AgentTunnel(options);
}

class AgentTunnel implements Tunnel {
  readonly #options: TunnelOptions;
  readonly #clock: TunnelClock;
  readonly #limits: TunnelLimits;
  readonly #connector: Connector;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #url: URL;
  readonly #repeats = new RepeatFilter(toldOnceIn);
  #session: Session;
  #move: TunnelTimer | undefined;
  readonly #stateListeners: ((state: SessionState) => void)[] = [];
  readonly #controlListeners: ((message: ControlMessage) => void)[] = [];
  readonly #acknowledgementListeners: ((payload: Uint8Array) => void)[] = [];

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#limits = { ...defaultLimits, pingIntervalMs, ...options.limits };
    this.#environment = options.environment;
    this.#url = tunnelUrl(options.url);
    this.#session = this.#newSession();
    this.#connector = new Connector({
      url: this.#url,
      identity: options,
      instance: randomBytes(16).toString('hex'),
      environment: this.#environment,
      clock: this.#clock,
      limits: this.#limits,
      logger: options.logger,
      signal: options.signal,
      ...(options.machine ? { machine: options.machine } : {}),
      ...(options.addresses ? { addresses: options.addresses } : {}),
    });
    options.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  connect(): void {
    if (!this.#options.signal.aborted) this.#connector.connect(this.#session);
  }

  get state(): SessionState {
    return this.#session.state;
  }

  get silentMs(): number | undefined {
    const { connection, quietMs } = this.#session;
    const isLost = this.#connector.lastFault !== undefined || quietMs >= silentAfterMs;
    return connection?.isSuspected && isLost ? quietMs : undefined;
  }

  get status(): TunnelStatus {
    const proxy = proxyFor(this.#url, this.#environment);
    return {
      ...this.#session.figures,
      gateway: this.#url.origin,
      replica: this.#session.peerName,
      proxy: proxy ? `${proxy.host}:${proxy.port}` : undefined,
      attempts: this.#connector.attempts,
      lastFault: this.#connector.lastFault,
    };
  }

  readonly telemetry: TelemetryChannel = {
    sendBatch: (pieces, sent) => this.#session.telemetry.sendBatch(pieces, sent),
    setHeartbeat: (payload) => this.#session.telemetry.setHeartbeat(payload),
    onAcknowledgement: (listener) => void this.#acknowledgementListeners.push(listener),
  };

  open(target: StreamTarget, endpoint: StreamEndpoint): () => void {
    return this.#session.open(target, endpoint);
  }

  openStream(target: StreamTarget, signal?: AbortSignal): Promise<Duplex> {
    return this.#session.openStream(target, signal);
  }

  sendControl(message: ControlMessage): void {
    this.#session.sendControl(message);
  }

  onControl(listener: (message: ControlMessage) => void): void {
    this.#controlListeners.push(listener);
  }

  onStateChange(listener: (state: SessionState) => void): void {
    this.#stateListeners.push(listener);
  }

  renew(identity: TunnelIdentity): void {
    this.#connector.identity = identity;
    this.#connector.connectNow(this.#session);
  }

  trust(caPem: string): void {
    this.#connector.identity = { ...this.#connector.identity, caPem };
  }

  #newSession(): Session {
    const { logger, audit, resolveTarget, beforeDial } = this.#options;
    const targetOptions = {
      node: this.#options.nodeName ?? '',
      audit,
      resolveTarget,
      clock: this.#clock,
      dialTimeoutMs: this.#options.dialTimeoutMs ?? targetDialTimeoutMs,
      ...(beforeDial && { beforeDial }),
    };
    const session = new Session({
      role: 'agent',
      clock: this.#clock,
      limits: this.#limits,
      onOffer: (stream) => connectTarget(stream, targetOptions),
      onDrain: (delayMs) => this.#moveAway(session, delayMs),
      onSuspicion: () => this.#connector.suspected(session),
      onConnectionLost: (reason, onPurpose) =>
        this.#connector.lost(session, reason, onPurpose ? 'refused' : 'broken'),
      onViolation: (fault) => logger.warn({ code: fault.code, detail: fault.message }, 'tunnel violation'),
      onUnknownControl: (kind) => {
        const news = this.#repeats.news('control', this.#clock.nowMs());
        if (news)
          logger.warn({ kind, ...news }, 'the gateway says something that only a later release understands');
      },
    });
    session.onStateChange((state) => {
      if (session !== this.#session) return;
      // On the way there and back again at every attempt.
      const isUnderway = state === 'Connecting' || state === 'Handshaking';
      logger[isUnderway ? 'debug' : 'info']({ state }, 'tunnel state');
      tellEach('tunnel state', this.#stateListeners, state);
    });
    session.onControl((message) => {
      for (const listener of this.#controlListeners) listener(message);
    });
    session.telemetry.onAcknowledgement((payload) => {
      for (const listener of this.#acknowledgementListeners) listener(payload);
    });
    return session;
  }

  /**
   * The gateway drains: a new session after the delay it asked for, the old one until its streams have ended.
   */
  #moveAway(draining: Session, delayMs: number): void {
    // It may ask again: the last word counts, and one timer is all that it costs.
    this.#move?.cancel();
    this.#move = this.#clock.after(Math.min(delayMs, longestMoveMs), () => {
      // Begun anew meanwhile, with whoever was there: there is nothing to move away from.
      if (this.#options.signal.aborted || draining !== this.#session || draining.state !== 'Draining') return;
      this.#session = this.#newSession();
      this.#connector.connect(this.#session);
      this.#retire(draining);
    });
  }

  #retire(session: Session): void {
    if (session.state === 'Closed') return;
    if (!session.attached || session.figures.streams === 0) {
      session.end(CloseCode.shuttingDown, 'moved to another gateway');
      return;
    }
    this.#clock.after(retireCheckMs, () => this.#retire(session));
  }

  #stop(): void {
    this.#session.end(CloseCode.shuttingDown, 'the agent stops');
  }
}
