// Telemetry of a session on its way out. It is no part of the sequence: of what has not left when the
// connection ends, whoever queued it is told, and nothing is sent again from here. Only the latest heartbeat
// goes over to the next connection.
import type { TelemetryChannel } from '../messages/session.ts';
import type { Attachment } from './attachment.ts';
import type { Outbound } from './outbound.ts';
import type { SessionFrames } from './session-frames.ts';

export class SessionTelemetry implements TelemetryChannel {
  readonly #attachment: Attachment;
  readonly #frames: SessionFrames;

  constructor(attachment: Attachment, frames: SessionFrames) {
    this.#attachment = attachment;
    this.#frames = frames;
  }

  sendBatch(pieces: readonly Uint8Array[], sent: (error?: Error) => void): boolean {
    if (!this.#attachment.connection) return false;
    const { telemetry, scheduler } = this.#attachment.outbound;
    if (!telemetry.queue(pieces, sent)) return false;
    scheduler.activate(telemetry);
    this.#attachment.schedulePump();
    return true;
  }

  setHeartbeat(payload: Uint8Array): void {
    this.#attachment.outbound.telemetry.heartbeat = payload;
    this.#attachment.schedulePump();
  }

  onAcknowledgement(listener: (payload: Uint8Array) => void): void {
    this.#frames.onTelemetryAcknowledgement(listener);
  }

  /** Gateway: the payload of a TELE_ACK. */
  acknowledge(payload: Uint8Array): void {
    if (!this.#attachment.connection) return;
    this.#attachment.outbound.telemetry.acknowledge(payload);
    this.#attachment.schedulePump();
  }

  /** What is to be sent begins anew. */
  moveTo(outbound: Outbound): void {
    outbound.telemetry.heartbeat = this.#attachment.outbound.telemetry.heartbeat;
  }

  drop(reason: string): void {
    this.#attachment.outbound.telemetry.drop(reason);
  }
}
