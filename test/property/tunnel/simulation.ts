// A whole tunnel without a socket or a real clock: two sessions, a link that delivers message by message when
// it is told to, loses what it is told to lose, and can be cut at any message. Everything is deterministic.
import type { TunnelClock } from '../../../protocol/tunnel/clock.ts';
import { type Admission, answerHello, offerSession } from '../../../protocol/tunnel/handshake.ts';
import { defaultLimits, type TunnelLimits } from '../../../protocol/tunnel/limits.ts';
import { Session } from '../../../protocol/tunnel/session.ts';
import type { SessionOptions } from '../../../protocol/tunnel/session-options.ts';
import type { SessionStream, StreamEndpoint } from '../../../protocol/tunnel/stream.ts';
import type { Transport, TransportListener } from '../../../protocol/tunnel/transport.ts';

export class FakeClock implements TunnelClock {
  #now = 0;
  #deferred: (() => void)[] = [];
  #timers: { due: number; action: () => void }[] = [];

  nowMs(): number {
    return this.#now;
  }

  dateMs(): number {
    return this.#now;
  }

  after(milliseconds: number, action: () => void): { cancel(): void } {
    const timer = { due: this.#now + milliseconds, action };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  defer(action: () => void): void {
    this.#deferred.push(action);
  }

  /** Everything that was deferred, also by what is run. */
  settle(): boolean {
    const ran = this.#deferred.length > 0;
    while (this.#deferred.length > 0) this.#deferred.shift()?.();
    return ran;
  }

  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (;;) {
      this.settle();
      const next = this.#timers.filter(({ due }) => due <= until).sort((a, b) => a.due - b.due)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.due);
      next.action();
    }
    this.#now = until;
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** The process stands still: time passes, nothing runs. */
  freeze(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

interface Queued {
  readonly message: Uint8Array[];
  readonly bytes: number;
  readonly sent: ((error?: Error) => void) | undefined;
}

/** One end of a link. What is sent waits until the link delivers it. */
export class MemoryTransport implements Transport {
  peer!: MemoryTransport;
  listener: TransportListener | undefined;
  bufferedBytes = 0;
  receivedBytes = 0;
  readonly queue: Queued[] = [];
  closing: { code: number; reason: string } | undefined;
  closed = false;
  /** Only noted: what is under way here has been read already. */
  paused = false;
  readonly #clock: TunnelClock;

  constructor(clock: TunnelClock) {
    this.#clock = clock;
  }

  send(pieces: readonly Uint8Array[], sent?: (error?: Error) => void): void {
    if (this.closed || this.closing) {
      if (sent) this.#clock.defer(() => sent(new Error('closed')));
      return;
    }
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.bufferedBytes += bytes;
    this.queue.push({ message: pieces.map((piece) => piece), bytes, sent });
  }

  cork(): void {}
  uncork(): void {}

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  listen(listener: TransportListener): void {
    this.listener = listener;
  }

  close(code: number, reason: string): void {
    this.closing ??= { code, reason };
  }

  terminate(): void {
    this.die('terminated', 1006);
    this.#clock.defer(() => this.peer.die('reset by peer', 1006));
  }

  /** Delivers the oldest message; false when there was none. */
  deliver(): boolean {
    const next = this.queue.shift();
    if (!next) {
      if (!this.closing || this.closed) return false;
      const { code, reason } = this.closing;
      this.die(reason, code);
      this.peer.die(reason, code);
      return true;
    }
    this.bufferedBytes -= next.bytes;
    // As the kernel does: the bytes are read when they leave, not when they were queued,
    // and then they are its own.
    const message = next.message.map((piece) => Buffer.from(piece));
    next.sent?.();
    if (!this.peer.closed) {
      this.peer.receivedBytes += next.bytes;
      this.peer.listener?.message(message);
    }
    if (this.bufferedBytes === 0 && !this.closed) this.listener?.drained();
    return true;
  }

  die(reason: string, code: number): void {
    if (this.closed) return;
    this.closed = true;
    this.bufferedBytes = 0;
    for (const { sent } of this.queue.splice(0)) sent?.(new Error(reason));
    this.listener?.closed(reason, code);
  }
}

/** Collects what a stream delivers; credit is returned when the test says so. */
export class Recorder implements StreamEndpoint {
  stream: SessionStream | undefined;
  readonly chunks: Buffer[] = [];
  owedBytes = 0;
  ended = false;
  outcome: 'none' | 'refused' | 'reset' | 'finished' = 'none';
  greedy = true;
  resumed = 0;
  detail = '';

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  opened(stream: SessionStream): void {
    this.stream = stream;
  }

  refused(fault: Error): void {
    this.outcome = 'refused';
    this.detail = fault.message;
  }

  deliver(chunk: Uint8Array): void {
    this.chunks.push(Buffer.from(chunk));
    this.owedBytes += chunk.length;
    if (this.greedy) this.consume();
  }

  consume(): void {
    const bytes = this.owedBytes;
    this.owedBytes = 0;
    if (bytes > 0) this.stream?.consumed(bytes);
  }

  deliverEnd(): void {
    this.ended = true;
  }

  resumeWriting(): void {
    this.resumed += 1;
  }

  reset(fault: Error): void {
    this.outcome = 'reset';
    this.detail = fault.message;
  }

  finished(): void {
    this.outcome = 'finished';
  }
}

export class Simulation {
  readonly clock = new FakeClock();
  readonly limits: TunnelLimits;
  readonly agent: Session;
  gateway: Session;
  readonly violations: string[] = [];
  readonly accepted: Recorder[] = [];
  /** What the agent does with an offer; by default it accepts. */
  onOffer = (stream: SessionStream): void => {
    const recorder = new Recorder();
    this.accepted.push(recorder);
    stream.attach(recorder);
    stream.accept();
  };
  link: { agent: MemoryTransport; gateway: MemoryTransport } | undefined;
  readonly #overrides: Partial<SessionOptions>;
  #epoch = 0;
  #sessions = 0;

  constructor(limits: Partial<TunnelLimits> = {}, overrides: Partial<SessionOptions> = {}) {
    this.limits = { ...defaultLimits, ...limits };
    this.#overrides = overrides;
    this.agent = this.#session('agent');
    this.gateway = this.#session('gateway');
  }

  /** A new connection and its handshake; the old link, if any, is superseded. */
  connect(): void {
    const agent = new MemoryTransport(this.clock);
    const gateway = new MemoryTransport(this.clock);
    agent.peer = gateway;
    gateway.peer = agent;
    this.link = { agent, gateway };
    const options = { clock: this.clock, limits: this.limits };
    answerHello(
      gateway,
      options,
      (hello) => this.#admit(hello.session, hello.received),
      () => {},
    );
    const instance = '0'.repeat(32);
    this.#epoch += 1;
    offerSession(agent, this.agent, { instance, epoch: this.#epoch }, options, () => {});
  }

  /** Runs until nothing moves any more. */
  settle(): void {
    for (let moved = true; moved; ) {
      moved = this.clock.settle();
      if (this.link?.agent.deliver()) moved = true;
      if (this.link?.gateway.deliver()) moved = true;
    }
  }

  /** The way is gone for both ends at once; what was under way is lost. */
  cut(): void {
    const link = this.link;
    this.link = undefined;
    link?.agent.die('cut', 1006);
    link?.gateway.die('cut', 1006);
    this.clock.settle();
  }

  open(recorder: Recorder = new Recorder(), target = 'kubelet'): Recorder {
    this.gateway.open({ target, reason: 'test' }, recorder);
    return recorder;
  }

  #admit(session: string, received: number): Admission {
    if (session !== '' && session === this.gateway.id && this.gateway.state !== 'Closed') {
      this.gateway.suspend('superseded');
      if (this.gateway.canResume(received)) return { session: this.gateway, resume: true, id: session };
    }
    this.gateway.end(4001, 'superseded');
    this.gateway = this.#session('gateway');
    this.#sessions += 1;
    return { session: this.gateway, resume: false, id: this.#sessions.toString(16).padStart(32, '0') };
  }

  #session(role: 'agent' | 'gateway'): Session {
    return new Session({
      role,
      clock: this.clock,
      limits: this.limits,
      onOffer: (stream) => this.onOffer(stream),
      onViolation: (fault) => this.violations.push(`${role}: ${fault.message}`),
      ...this.#overrides,
    });
  }
}
