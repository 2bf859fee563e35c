// One stream at one end: its state (stream-states.ts), its credit, and the bytes read from the local side
// that wait for their turn. It turns effects into frames and calls; it never looks at another stream. The
// local side is an endpoint: a socket (socket.ts) or a Duplex (duplex.ts).
import { Fault } from '../catalogue/fault.ts';
import type { StreamTarget } from '../messages/session.ts';
import { ReceiveCredit, SendCredit } from './credit.ts';
import { FrameType, ResetReason } from './frame.ts';
import { framePayloadLimitBytes } from './limits.ts';
import { isLent } from './memory.ts';
import { decodeRefusal, encodeRefusal } from './messages.ts';
import { type Flow, newTurn } from './scheduler.ts';
import { SendQueue, type Taken } from './send-queue.ts';
import { nextStep, type StreamEffect, type StreamEvent, type StreamState } from './stream-states.ts';
import { invalid } from './violation.ts';

/**
 * The local side of a stream. Calls arrive in the order of the stream; after `refused`,
 * `reset` or `finished` none.
 */
export interface StreamEndpoint {
  opened(stream: SessionStream): void;
  refused(fault: Fault): void;
  /** Knows that a chunk is lent to it (memory.ts). Others get chunks that are theirs. */
  readonly borrows?: true;
  /** The endpoint owes `stream.consumed(chunk.length)` once its consumer has taken the bytes. */
  deliver(chunk: Uint8Array): void;
  deliverEnd(): void;
  /** After `write` returned false: there is room again. */
  resumeWriting(): void;
  reset(fault: Fault): void;
  /** Both directions have ended in order. */
  finished(): void;
}

/** What a stream needs of its session. */
export interface StreamOwner {
  readonly streamQueueBytes: number;
  control(type: FrameType, stream: number, aux: number, payload?: Uint8Array): void;
  activate(stream: SessionStream): void;
  forget(stream: SessionStream): void;
  violated(fault: Fault): void;
}

export class SessionStream implements Flow {
  readonly id: number;
  readonly target: StreamTarget;
  readonly turn = newTurn();
  state: StreamState;
  sentBytes = 0;
  receivedBytes = 0;
  readonly windowBytes: number;
  /** Called when an opened stream was accepted, refused, or ended before that. */
  whenAnswered: (() => void) | undefined;
  readonly #owner: StreamOwner;
  #endpoint: StreamEndpoint;
  readonly #send = new SendCredit();
  readonly #receive: ReceiveCredit;
  readonly #queue = new SendQueue();
  #ending = false;
  #blocked = false;

  constructor(
    owner: StreamOwner,
    id: number,
    target: StreamTarget,
    state: 'Opening' | 'Offered',
    windowBytes: number,
    endpoint: StreamEndpoint,
  ) {
    this.#owner = owner;
    this.id = id;
    this.target = target;
    this.state = state;
    this.windowBytes = windowBytes;
    this.#receive = new ReceiveCredit(windowBytes);
    this.#endpoint = endpoint;
  }

  get closed(): boolean {
    return this.state === 'Closed';
  }

  get backlogged(): boolean {
    return this.#queue.bytes > 0 || this.#ending;
  }

  get ready(): boolean {
    if (this.state !== 'Open' && this.state !== 'FinReceived') return false;
    return this.#queue.bytes > 0 ? this.#send.bytes > 0 : this.#ending;
  }

  // The local side.

  /** An offered stream gets its endpoint before it is accepted. */
  attach(endpoint: StreamEndpoint): void {
    this.#endpoint = endpoint;
  }

  accept(): void {
    this.#apply('accept');
  }

  refuse(fault: Fault): void {
    this.#refusal = fault;
    this.#apply('refuse');
  }

  /**
   * The chunk must not be changed from now on. `owned`: nobody else looks at its buffer either, so that its
   * memory may be freed. False: wait for `resumeWriting`.
   */
  write(chunk: Uint8Array, owned = false): boolean {
    if (this.closed || this.#ending || chunk.length === 0) return true;
    this.#queue.push(chunk, owned);
    this.#owner.activate(this);
    this.#blocked = this.#queue.bytes >= this.#owner.streamQueueBytes;
    return !this.#blocked;
  }

  end(): void {
    if (this.closed || this.#ending) return;
    this.#ending = true;
    this.#owner.activate(this);
  }

  reset(reason: ResetReason): void {
    this.#apply('reset', reason);
  }

  consumed(bytes: number): void {
    if (this.state !== 'Open' && this.state !== 'FinSent') return;
    const grant = this.#receive.consume(bytes);
    if (grant > 0) this.#owner.control(FrameType.window, this.id, grant);
  }

  // The session's side.

  /** What OPEN said that the other end may receive. */
  grant(bytes: number): void {
    this.#send.grant(bytes);
  }

  sessionEnds(fault: Fault): void {
    this.#refusal = fault;
    this.#apply('sessionEnds');
  }

  receive(type: number, aux: number, payload: Uint8Array): void {
    switch (type) {
      case FrameType.data:
        this.#receiveBytes(payload);
        break;
      case FrameType.window:
        this.#apply('peerCredit', aux);
        break;
      case FrameType.fin:
        this.#apply('peerFin');
        break;
      case FrameType.rst:
        this.#refusal = new Fault('TUNNEL_STREAM_RESET', { detail: `by the peer, ${resetName(aux)}` });
        this.#apply('peerReset');
        break;
      case FrameType.openOk:
        this.#apply('peerAccepts', aux);
        break;
      default:
        this.#refusal = decodeRefusal(payload);
        this.#apply('peerRefuses');
    }
  }

  /** The next bytes to send, at most `limit`; nothing when only the end is left, which this then sends. */
  take(limit: number): Taken | undefined {
    const taken = this.#queue.take(Math.min(limit, this.#send.bytes, framePayloadLimitBytes));
    if (!taken) {
      this.#ending = false;
      this.#apply('fin');
      return undefined;
    }
    const bytes = taken.payload.length;
    this.#send.spend(bytes);
    this.sentBytes += bytes;
    if (this.#blocked && this.#queue.bytes * 2 <= this.#owner.streamQueueBytes) {
      this.#blocked = false;
      this.#endpoint.resumeWriting();
    }
    return taken;
  }

  #refusal: Fault | undefined;

  #receiveBytes(payload: Uint8Array): void {
    this.receivedBytes += payload.length;
    if (!this.#receive.receive(payload.length))
      this.#violate(invalid('credit', `DATA beyond its credit on stream ${this.id}`));
    else this.#apply('peerData', 0, payload);
  }

  #apply(event: StreamEvent, aux = 0, payload?: Uint8Array): void {
    const { next, effects } = nextStep(this.state, event);
    if (next !== this.state) {
      const before = this.state;
      this.state = next;
      if (before === 'Opening') this.whenAnswered?.();
      if (next === 'Closed') this.#drop();
      if (effects.includes('violation')) {
        this.#refusal = invalid('stream-state', `${event} in state ${before}`);
      }
    }
    for (const effect of effects) this.#perform(effect, aux, payload);
  }

  #perform(effect: StreamEffect, aux: number, payload: Uint8Array | undefined): void {
    switch (effect) {
      case 'deliver':
        if (payload)
          this.#endpoint.deliver(
            this.#endpoint.borrows || !isLent(payload) ? payload : new Uint8Array(payload),
          );
        break;
      case 'grant':
        this.#send.grant(aux);
        this.#owner.activate(this);
        break;
      case 'deliverEnd':
        this.#endpoint.deliverEnd();
        break;
      case 'sendOpenOk':
        this.#owner.control(FrameType.openOk, this.id, this.windowBytes);
        break;
      case 'sendOpenErr':
        this.#owner.control(FrameType.openErr, this.id, 0, encodeRefusal(this.#fault()));
        break;
      case 'sendFin':
        this.#owner.control(FrameType.fin, this.id, 0);
        break;
      case 'sendRst':
        this.#owner.control(FrameType.rst, this.id, aux || ResetReason.protocol);
        break;
      case 'tellOpened':
        this.#endpoint.opened(this);
        break;
      case 'tellRefused':
        this.#endpoint.refused(this.#fault());
        break;
      case 'tellReset':
        this.#endpoint.reset(this.#fault());
        break;
      case 'tellFinished':
        this.#endpoint.finished();
        break;
      case 'violation':
        this.#owner.violated(this.#fault());
        break;
    }
  }

  #violate(fault: Fault): void {
    if (this.closed) return;
    this.#refusal = fault;
    this.state = 'Closed';
    this.#drop();
    for (const effect of ['sendRst', 'violation', 'tellReset'] as const) this.#perform(effect, 0, undefined);
  }

  #drop(): void {
    this.#queue.clear();
    this.#ending = false;
    this.#owner.forget(this);
  }

  #fault(): Fault {
    return this.#refusal ?? new Fault('TUNNEL_STREAM_RESET', { detail: 'cancelled' });
  }
}

function resetName(aux: number): string {
  return Object.entries(ResetReason).find(([, value]) => value === aux)?.[0] ?? `reason ${aux}`;
}
