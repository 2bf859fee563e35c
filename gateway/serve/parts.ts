// What `serve` needs of the tunnel, the egress and the telemetry intake: their signatures, and nothing of how they do it.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TunnelSession } from '../../protocol/session.ts';
import type { NodeIdentity } from '../join/client-certificate.ts';

export interface Hub {
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, node: NodeIdentity): void;
  session(nodeName: string): TunnelSession | undefined;
  onSession(listener: (nodeName: string, session: TunnelSession) => void): void;
  onTelemetry(listener: (nodeName: string, payload: Uint8Array) => void): void;
  onHeartbeat(listener: (nodeName: string, payload: Uint8Array) => void): void;
  acknowledgeTelemetry(nodeName: string, payload: Uint8Array): void;
  close(nodeName: string, reason: string): void;
  drain(): Promise<void>;
}

export interface Intake {
  /** The acknowledgement to send back, if there is one. */
  accept(nodeName: string, payload: Uint8Array): Uint8Array | undefined;
  heartbeat(nodeName: string, payload: Uint8Array): void;
  renderMetrics(): string;
  latest(nodeName: string): unknown;
  forget(nodeName: string): void;
}

export interface Egress {
  close(): Promise<void>;
}

export interface EgressOptions {
  readonly socketPath: string;
  /** Node for a name or a registered address. */
  readonly resolveNode: (hostOrAddress: string) => string | undefined;
  readonly dialDirectly: (host: string) => boolean;
}
