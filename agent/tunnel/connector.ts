// Keeps one session connected: attempt, handshake, wait, again. At most one attempt runs at a
// time. A suspected connection stays attached while another way is tried, and is given up
// only when the new one is there.
import type { Logger } from 'pino';
import type { Fault } from '../../protocol/catalogue/fault.ts';
import { background, tellDefect } from '../../protocol/defect.ts';
import type { Machine } from '../../protocol/messages/machine.ts';
import type { TunnelClock, TunnelTimer } from '../../protocol/tunnel/clock.ts';
import { offerSession } from '../../protocol/tunnel/handshake.ts';
import type { TunnelLimits } from '../../protocol/tunnel/limits.ts';
import type { Session } from '../../protocol/tunnel/session.ts';
import type { Transport } from '../../protocol/tunnel/transport.ts';
import { GatewayAddresses } from './addresses.ts';
import { Backoff, type Ending } from './backoff.ts';
import { DialFailure, dialGateway, type TunnelIdentity } from './dial.ts';
import { OutageLog } from './outage.ts';

export interface ConnectorOptions {
  readonly url: URL;
  readonly identity: TunnelIdentity;
  readonly instance: string;
  readonly machine?: Machine;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: TunnelClock;
  readonly limits: TunnelLimits;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly addresses?: GatewayAddresses;
}

export class Connector {
  identity: TunnelIdentity;
  attempts = 0;
  lastFault: Fault | undefined;
  readonly #options: ConnectorOptions;
  readonly #backoff = new Backoff();
  readonly #addresses: GatewayAddresses;
  readonly #outage: OutageLog;
  #session: Session | undefined;
  #epoch = 0;
  #attempting = false;
  #timer: TunnelTimer | undefined;
  #establishedMs: number | undefined;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.identity = options.identity;
    this.#outage = new OutageLog(options.logger);
    this.#addresses = options.addresses ?? new GatewayAddresses();
    options.signal.addEventListener('abort', () => this.#timer?.cancel(), { once: true });
  }

  /** From now on this is the session that is kept connected. */
  connect(session: Session): void {
    this.#session = session;
    session.onStateChange((state) => {
      if (state !== 'Open') return;
      this.lastFault = undefined;
      this.#timer?.cancel();
      this.#establishedMs = this.#options.clock.nowMs();
      this.#outage.opened(this.#establishedMs);
    });
    this.connectNow(session);
  }

  /** Another connection for the session, without waiting; the present one is used until then. */
  connectNow(session: Session): void {
    if (session !== this.#session || this.#attempting || this.#options.signal.aborted) return;
    this.#timer?.cancel();
    background('tunnel attempt', this.#attempt(session));
  }

  /** Nothing is heard on the present connection; what failed before this doubt says nothing of it. */
  suspected(session: Session): void {
    if (session !== this.#session) return;
    this.lastFault = undefined;
    this.connectNow(session);
  }

  /** `ending`: how the connection or its handshake came to an end. */
  lost(session: Session, reason: string, ending: Ending): void {
    if (session !== this.#session) return;
    const { clock } = this.#options;
    if (this.#establishedMs !== undefined) this.#backoff.ended(clock.nowMs() - this.#establishedMs);
    this.#establishedMs = undefined;
    this.#outage.failed({ detail: reason }, clock.nowMs());
    this.#again(session, ending);
  }

  async #attempt(session: Session): Promise<void> {
    this.#attempting = true;
    this.attempts += 1;
    try {
      const { url, environment, signal, limits } = this.#options;
      const addresses = this.#addresses;
      const transport = await dialGateway({ ...this.identity, url, environment, signal, limits, addresses });
      this.#attempting = false;
      this.#offer(session, transport);
    } catch (error) {
      this.#attempting = false;
      if (error instanceof DialFailure) this.#failed(session, error);
      else {
        tellDefect('tunnel attempt', error);
        this.#again(session, 'refused');
      }
    }
  }

  #offer(session: Session, transport: Transport): void {
    const { clock, limits, instance, machine, signal } = this.#options;
    if (signal.aborted || session !== this.#session) {
      transport.terminate();
      return;
    }
    this.#epoch += 1;
    const self = { instance, epoch: this.#epoch, ...(machine && { machine }) };
    offerSession(transport, session, self, { clock, limits }, (reason, refusal) => {
      this.lastFault = refusal;
      this.lost(session, reason, 'refused');
    });
  }

  #failed(session: Session, { fault, silent }: DialFailure): void {
    if (this.#options.signal.aborted) return;
    this.#outage.failed({ code: fault.code, detail: fault.message }, this.#options.clock.nowMs());
    this.lastFault = fault;
    if (!session.attached || session.quietMs >= this.#options.limits.suspectAfterMs)
      this.#again(session, silent ? 'silent' : 'refused');
  }

  #again(session: Session, ending: Ending): void {
    if (this.#attempting || this.#options.signal.aborted) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(this.#backoff.nextMs(ending), () => this.connectNow(session));
  }
}
