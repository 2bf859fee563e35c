// A tunnel in memory: what the agent sends is handed to an intake, its answers come back. It can be cut, and
// can forget batches that it had taken, as a connection does that dies.
import type { TelemetryIntake } from '../../../../gateway/telemetry/intake.ts';
import type { TelemetryChannel } from '../../../../protocol/messages/session.ts';

export class LoopbackChannel implements TelemetryChannel {
  intake: TelemetryIntake;
  isConnected = true;
  /** Batches that are taken and never delivered. */
  losesBatches = false;
  losesAcknowledgements = false;
  heartbeats = 0;
  readonly #listeners: ((payload: Uint8Array) => void)[] = [];

  constructor(intake: TelemetryIntake) {
    this.intake = intake;
  }

  sendBatch(pieces: readonly Uint8Array[], sent: (error?: Error) => void): boolean {
    if (!this.isConnected) return false;
    const payload = Buffer.concat(pieces);
    setImmediate(() => {
      sent();
      if (this.losesBatches) return;
      const answer = this.intake.accept('idc-1', payload);
      if (answer === undefined || this.losesAcknowledgements) return;
      for (const listener of this.#listeners) listener(answer);
    });
    return true;
  }

  setHeartbeat(payload: Uint8Array): void {
    if (!this.isConnected) return;
    this.heartbeats += 1;
    this.intake.heartbeat('idc-1', payload);
  }

  onAcknowledgement(listener: (payload: Uint8Array) => void): void {
    this.#listeners.push(listener);
  }
}
