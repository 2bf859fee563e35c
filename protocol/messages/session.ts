// What the tunnel offers to the rest of each side. The session itself (frames, credit, liveness, resumption)
// lives in protocol/tunnel; both ends use the same code and differ only in which stream numbers they open.
import type { Duplex } from 'node:stream';
import type { ControlMessage } from './control.ts';

/** What a stream is to be connected to at the agent; the agent's allow-list decides. */
export interface StreamTarget {
  /**
   * Towards the agent `kubelet`, the host's kubelet port, else `host:port`; towards the gateway `api-server`.
   */
  readonly target: string;
  /** Who asked and why, for the audit record: e.g. `kube-apiserver CONNECT idc-1:10250`. */
  readonly reason: string;
}

export type SessionState = 'Connecting' | 'Handshaking' | 'Open' | 'Resuming' | 'Draining' | 'Closed';

/** Telemetry side of a session; payloads are opaque here. */
export interface TelemetryChannel {
  /**
   * Queues one TELE frame made of these pieces, in order, without joining them. `sent` is called when the
   * bytes have left the process or the session has dropped them (then with an error). False: not connected or
   * over budget; nothing queued.
   */
  sendBatch(pieces: readonly Uint8Array[], sent: (error?: Error) => void): boolean;
  /** Replaces the latest heartbeat; goes out before anything but control. */
  setHeartbeat(payload: Uint8Array): void;
  /** Payload of each TELE_ACK (agent side). */
  onAcknowledgement(listener: (payload: Uint8Array) => void): void;
}

export interface TunnelSession {
  readonly state: SessionState;
  readonly telemetry: TelemetryChannel;
  openStream(target: StreamTarget, signal?: AbortSignal): Promise<Duplex>;
  sendControl(message: ControlMessage): void;
  onControl(listener: (message: ControlMessage) => void): void;
  onStateChange(listener: (state: SessionState) => void): void;
}
