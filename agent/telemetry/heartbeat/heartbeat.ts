// Puts one heartbeat together from what is known at this moment and replaces the one that waits in
// the tunnel. It never waits for a probe: a kubelet that does not answer must not stop the heart, so
// the last known answer is used.

import { background } from '../../../protocol/defect.ts';
import type { TelemetryChannel } from '../../../protocol/messages/session.ts';
import type { Heartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import { encodeHeartbeat } from '../../../protocol/telemetry/heartbeat.ts';
import type { TelemetryAccount } from '../shipper/account.ts';
import type { VitalsSlot } from './slot.ts';

export interface ServiceHealth {
  readonly kubeletHealthy: boolean;
  readonly containerdHealthy: boolean;
}

/** Asks the node's services; may take its time, and may fail. */
export type HeartbeatProbe = () => Promise<ServiceHealth>;

export class HeartbeatSender {
  readonly #channel: TelemetryChannel;
  readonly #slot: VitalsSlot;
  readonly #probe: HeartbeatProbe;
  readonly #account: () => TelemetryAccount;
  #health: ServiceHealth = { kubeletHealthy: false, containerdHealthy: false };
  #isProbing = false;

  constructor(
    channel: TelemetryChannel,
    slot: VitalsSlot,
    probe: HeartbeatProbe,
    account: () => TelemetryAccount,
  ) {
    this.#channel = channel;
    this.#slot = slot;
    this.#probe = probe;
    this.#account = account;
  }

  beat(nowMs: number): Heartbeat {
    background('heartbeat probe', this.#refreshHealth());
    const { sampledAtMs: _, ...vitals } = this.#slot.read();
    const heartbeat = { sentAtMs: nowMs, ...vitals, ...this.#health, ring: this.#account() };
    this.#channel.setHeartbeat(encodeHeartbeat(heartbeat));
    return heartbeat;
  }

  async #refreshHealth(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    try {
      this.#health = await this.#probe();
    } catch {
      this.#health = { kubeletHealthy: false, containerdHealthy: false };
    } finally {
      this.#isProbing = false;
    }
  }
}
