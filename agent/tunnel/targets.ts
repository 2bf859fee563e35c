// What the gateway may reach through the agent: only what the allow-list resolves. An offered stream is refused,
// or dialled and joined with its socket; either way it leaves one audit record.
import net from 'node:net';
import { Fault } from '../../protocol/fault.ts';
import type { StreamTarget } from '../../protocol/session.ts';
import type { StreamAudit } from '../../protocol/tunnel/audit.ts';
import type { TunnelClock } from '../../protocol/tunnel/clock.ts';
import { SocketEndpoint, type SocketOutcome } from '../../protocol/tunnel/socket.ts';
import type { SessionStream, StreamEndpoint } from '../../protocol/tunnel/stream.ts';

export interface TargetAddress {
  readonly host: string;
  readonly port: number;
}

export type ResolveTarget = (target: StreamTarget) => TargetAddress | undefined;

export interface TargetOptions {
  readonly resolveTarget: ResolveTarget;
  readonly audit: (record: StreamAudit) => void;
  readonly clock: TunnelClock;
  readonly dialTimeoutMs: number;
}

export const kubeletAddress: TargetAddress = { host: '127.0.0.1', port: 10250 };

/** The default allow-list: the kubelet, and nothing else. */
export const kubeletOnly: ResolveTarget = ({ target }) => (target === 'kubelet' ? kubeletAddress : undefined);

export function connectTarget(stream: SessionStream, options: TargetOptions): void {
  const { target } = stream.target;
  const address = options.resolveTarget(stream.target);
  const over = auditOnce(stream, address, options);
  if (!address) {
    const fault = new Fault('TUNNEL_TARGET_REFUSED', { target });
    over({ outcome: 'refused', detail: fault.message });
    stream.refuse(fault);
    return;
  }
  dial(stream, address, options, over);
}

function dial(
  stream: SessionStream,
  address: TargetAddress,
  options: TargetOptions,
  over: (outcome: SocketOutcome) => void,
): void {
  const socket = net.connect({ ...address, allowHalfOpen: true, noDelay: true });
  const refuse = (detail: string) => {
    const fault = new Fault('TUNNEL_TARGET_UNREACHABLE', { target: stream.target.target, detail });
    timer.cancel();
    socket.destroy();
    over({ outcome: 'refused', detail: fault.message });
    stream.refuse(fault);
  };
  const failed = (error: Error) => refuse(error.message);
  const timer = options.clock.after(options.dialTimeoutMs, () =>
    refuse(`no answer within ${options.dialTimeoutMs} ms`),
  );
  socket.once('error', failed);
  stream.attach(
    givenUp(() => {
      timer.cancel();
      socket.destroy();
      over({ outcome: 'reset', detail: 'given up before it was connected' });
    }),
  );
  socket.once('connect', () => {
    timer.cancel();
    socket.off('error', failed);
    stream.attach(new SocketEndpoint(socket, over));
    stream.accept();
  });
}

/** While dialling, the only thing that can happen is that the other end gives up. */
function givenUp(then: () => void): StreamEndpoint {
  return {
    opened() {},
    refused() {},
    deliver() {},
    deliverEnd() {},
    resumeWriting() {},
    reset: then,
    finished() {},
  };
}

function auditOnce(
  stream: SessionStream,
  address: TargetAddress | undefined,
  { audit, clock }: TargetOptions,
): (outcome: SocketOutcome) => void {
  const openedMs = clock.nowMs();
  const openedAt = new Date(clock.dateMs()).toISOString();
  let written = false;
  return ({ outcome, detail }) => {
    if (written) return;
    written = true;
    audit({
      stream: stream.id,
      node: '',
      target: stream.target.target,
      address: address ? `${address.host}:${address.port}` : '',
      reason: stream.target.reason,
      openedAt,
      durationMs: Math.round(clock.nowMs() - openedMs),
      bytesToTarget: stream.receivedBytes,
      bytesFromTarget: stream.sentBytes,
      outcome,
      detail,
    });
  };
}
