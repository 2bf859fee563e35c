// The streams of a session: opened from here, taken from the peer, all reset when the session begins anew
// (then their numbers begin anew as well). They outlive any connection: what they want to send waits in
// the session's outbound part.
import { Fault } from '../catalogue/fault.ts';
import type { StreamTarget } from '../messages/session.ts';
import type { Attachment } from './attachment.ts';
import type { FrameType } from './frame.ts';
import { awaitAnswer } from './opening.ts';
import type { SessionFigures, SessionOptions } from './session-options.ts';
import type { SessionStream, StreamEndpoint } from './stream.ts';
import { StreamTable } from './streams.ts';

/** What the streams need of their session. */
interface Owner {
  control(type: FrameType, stream: number, aux: number, payload?: Uint8Array): void;
  violated(fault: Fault): void;
}

type StreamFigures = Pick<SessionFigures, 'streams' | 'streamsOpened' | 'streamsRefusedForLimit'>;

export class SessionStreams {
  readonly #options: SessionOptions;
  readonly #attachment: Attachment;
  readonly #owner: Owner;
  #table: StreamTable;

  constructor(options: SessionOptions, attachment: Attachment, owner: Owner) {
    this.#options = options;
    this.#attachment = attachment;
    this.#owner = owner;
    this.#table = this.#newTable();
  }

  get figures(): StreamFigures {
    const { size, opened, refusedForLimit } = this.#table;
    return { streams: size, streamsOpened: opened, streamsRefusedForLimit: refusedForLimit };
  }

  /** Every outcome is told to the endpoint. The function gives up waiting. */
  open(target: StreamTarget, endpoint: StreamEndpoint): () => void {
    const refusal = this.#table.whyFull();
    if (refusal) {
      endpoint.refused(refusal);
      return () => {};
    }
    const { clock, limits } = this.#options;
    return awaitAnswer(this.#table.open(target, endpoint), endpoint, clock, limits.openTimeoutMs);
  }

  receive(type: number, stream: number, aux: number, payload: Uint8Array): void {
    this.#table.receive(type, stream, aux, payload);
  }

  /** FIN on every stream, after what was written to it. */
  finish(): void {
    for (const stream of [...this.#table.values()]) stream.end();
  }

  /** All are reset. */
  drop(detail: string): void {
    this.#table.endAll(new Fault('TUNNEL_SESSION_ENDED', { detail }));
  }

  /** The numbers begin anew; whoever calls has dropped the streams of before. */
  restart(): void {
    this.#table = this.#newTable();
  }

  #newTable(): StreamTable {
    const { role, limits, onOffer } = this.#options;
    const owner = {
      streamQueueBytes: limits.streamQueueBytes,
      control: (type: FrameType, stream: number, aux: number, payload?: Uint8Array) =>
        this.#owner.control(type, stream, aux, payload),
      activate: (stream: SessionStream) => {
        this.#attachment.outbound.scheduler.activate(stream);
        this.#attachment.schedulePump();
      },
      forget: (stream: SessionStream) => {
        this.#attachment.outbound.scheduler.remove(stream);
        table.forget(stream);
      },
      violated: (fault: Fault) => this.#owner.violated(fault),
    };
    const table = new StreamTable(role, limits, owner, onOffer);
    return table;
  }
}
