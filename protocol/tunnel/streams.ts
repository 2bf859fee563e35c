// The streams of one session: numbers, limits, and who gets a frame. Odd numbers are opened by the gateway,
// even ones by the agent, each counting upwards and never used twice. A frame for a stream that has ended may
// still have been on its way and is ignored; one for a stream that never was ends the session.

import { Fault } from '../catalogue/fault.ts';
import { tellEach } from '../defect.ts';
import type { StreamTarget } from '../messages/session.ts';
import { windowFor } from './credit.ts';
import { FrameType } from './frame.ts';
import type { TunnelLimits } from './limits.ts';
import { decodeOpen, encodeOpen, encodeRefusal } from './messages.ts';
import { SessionStream, type StreamEndpoint, type StreamOwner } from './stream.ts';
import { invalid } from './violation.ts';

const streamNumberLimit = 0xffff_fff0;

export class StreamTable {
  readonly #limits: TunnelLimits;
  readonly #owner: StreamOwner;
  readonly #offer: (stream: SessionStream) => void;
  readonly #streams = new Map<number, SessionStream>();
  readonly #ownParity: 0 | 1;
  #lastOwn: number;
  #lastPeer: number;
  #grantedBytes = 0;
  #own = 0;
  opened = 0;
  refusedForLimit = 0;

  constructor(
    role: 'agent' | 'gateway',
    limits: TunnelLimits,
    owner: StreamOwner,
    offer: (stream: SessionStream) => void,
  ) {
    this.#limits = limits;
    this.#owner = owner;
    this.#offer = offer;
    this.#ownParity = role === 'gateway' ? 1 : 0;
    this.#lastOwn = role === 'gateway' ? -1 : 0;
    this.#lastPeer = role === 'gateway' ? 0 : -1;
  }

  get size(): number {
    return this.#streams.size;
  }

  values(): IterableIterator<SessionStream> {
    return this.#streams.values();
  }

  /** Why no further stream can be opened from this side. */
  whyFull(): Fault | undefined {
    const full = this.#own >= this.#limits.streams || this.#lastOwn >= streamNumberLimit;
    return full ? this.#limitFault() : undefined;
  }

  open(target: StreamTarget, endpoint: StreamEndpoint): SessionStream {
    this.#lastOwn += 2;
    const stream = this.#add(this.#lastOwn, target, 'Opening', endpoint);
    this.#owner.control(FrameType.open, stream.id, stream.windowBytes, encodeOpen(target));
    return stream;
  }

  receive(type: number, id: number, aux: number, payload: Uint8Array): void {
    if (type === FrameType.open) {
      this.#receiveOpen(id, aux, payload);
      return;
    }
    const stream = this.#streams.get(id);
    if (stream) stream.receive(type, aux, payload);
    else if (id > (this.#isOwn(id) ? this.#lastOwn : this.#lastPeer)) {
      throw invalid('stream-number', `a frame of type ${type} for stream ${id}, which was never opened`);
    }
  }

  forget(stream: SessionStream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#grantedBytes -= stream.windowBytes;
    if (this.#isOwn(stream.id)) this.#own -= 1;
  }

  endAll(fault: Fault): void {
    const streams = [...this.#streams.values()];
    const endings = streams.map((stream) => () => stream.sessionEnds(fault));
    tellEach('stream of a session that ends', endings);
  }

  #receiveOpen(id: number, credit: number, payload: Uint8Array): void {
    if (this.#isOwn(id) || id <= this.#lastPeer) {
      throw invalid('stream-number', `OPEN with the stream number ${id}`);
    }
    this.#lastPeer = id;
    const target = decodeOpen(payload);
    if (this.#streams.size - this.#own >= this.#limits.streams) {
      this.refusedForLimit += 1;
      this.#owner.control(FrameType.openErr, id, 0, encodeRefusal(this.#limitFault()));
      return;
    }
    const stream = this.#add(id, target, 'Offered', unattended);
    stream.grant(credit);
    this.#offer(stream);
  }

  #add(
    id: number,
    target: StreamTarget,
    state: 'Opening' | 'Offered',
    endpoint: StreamEndpoint,
  ): SessionStream {
    const window = windowFor(this.#grantedBytes, this.#limits);
    const stream = new SessionStream(this.#owner, id, target, state, window, endpoint);
    this.#streams.set(id, stream);
    this.#grantedBytes += window;
    if (this.#isOwn(id)) this.#own += 1;
    this.opened += 1;
    return stream;
  }

  #isOwn(id: number): boolean {
    return (id & 1) === this.#ownParity;
  }

  #limitFault(): Fault {
    return new Fault('TUNNEL_STREAM_LIMIT', { limit: this.#limits.streams });
  }
}

/** Until an offered stream has its endpoint there is nobody to tell. */
const unattended: StreamEndpoint = {
  opened() {},
  refused() {},
  deliver() {},
  deliverEnd() {},
  resumeWriting() {},
  reset() {},
  finished() {},
};
