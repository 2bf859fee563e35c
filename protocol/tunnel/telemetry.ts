// Telemetry's place in the tunnel: a bounded queue of batches that takes its turns like a bulk stream, a
// latest-value slot for the heartbeat, and the acknowledgements on their way back. None of it is part of the
// sequence that survives a reconnect: batches have acknowledgements of their own and are shipped again.
import { Fault } from '../catalogue/fault.ts';
import { framePayloadLimitBytes, type TunnelLimits } from './limits.ts';
import { type Flow, newTurn } from './scheduler.ts';

export interface Batch {
  readonly pieces: readonly Uint8Array[];
  readonly bytes: number;
  readonly sent: (error?: Error) => void;
}

export class TelemetryFlow implements Flow {
  readonly turn = newTurn(true);
  readonly #limits: TunnelLimits;
  readonly #batches: Batch[] = [];
  #queuedBytes = 0;
  droppedAcknowledgements = 0;
  readonly #acknowledgements: Uint8Array[] = [];
  heartbeat: Uint8Array | undefined;

  constructor(limits: TunnelLimits) {
    this.#limits = limits;
  }

  get ready(): boolean {
    return this.#batches.length > 0;
  }

  get backlogged(): boolean {
    return this.ready;
  }

  queue(pieces: readonly Uint8Array[], sent: (error?: Error) => void): boolean {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (bytes === 0 || bytes > framePayloadLimitBytes) {
      throw new RangeError(`a batch of ${bytes} bytes; allowed are 1 to ${framePayloadLimitBytes}`);
    }
    if (this.#queuedBytes + bytes > this.#limits.telemetryQueueBytes) return false;
    this.#batches.push({ pieces, bytes, sent });
    this.#queuedBytes += bytes;
    return true;
  }

  take(): Batch | undefined {
    const batch = this.#batches.shift();
    if (batch) this.#queuedBytes -= batch.bytes;
    return batch;
  }

  /** When full the oldest goes: acknowledgements are cumulative, and the agent ships again what it misses. */
  acknowledge(payload: Uint8Array): void {
    if (this.#acknowledgements.length >= this.#limits.telemetryAcknowledgements) {
      this.#acknowledgements.shift();
      this.droppedAcknowledgements += 1;
    }
    this.#acknowledgements.push(payload);
  }

  takeAcknowledgement(): Uint8Array | undefined {
    return this.#acknowledgements.shift();
  }

  takeHeartbeat(): Uint8Array | undefined {
    const payload = this.heartbeat;
    this.heartbeat = undefined;
    return payload;
  }

  /** The connection is gone: what was queued was not sent; the latest heartbeat stays the latest. */
  drop(reason: string): void {
    this.#acknowledgements.length = 0;
    this.#queuedBytes = 0;
    const error = new Fault('TUNNEL_SESSION_ENDED', { detail: reason });
    for (const batch of this.#batches.splice(0)) batch.sent(error);
  }
}
