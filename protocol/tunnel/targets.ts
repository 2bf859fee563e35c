// What the peer may reach through this end: only what the allow-list resolves. An offered stream is refused,
// or dialled and joined with its socket; either way it leaves one audit record.
import net, { type Socket } from 'node:net';
import { Fault } from '../catalogue/fault.ts';
import { background } from '../defect.ts';
import type { StreamTarget } from '../messages/session.ts';
import { auditOnce, type StreamAudit } from './audit.ts';
import type { TunnelClock } from './clock.ts';
import { refusedFor, SocketEndpoint, type SocketOutcome } from './socket.ts';
import type { SessionStream, StreamEndpoint } from './stream.ts';

export interface TargetAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Where an agent listens for what wants the API server through it. Below 1024, where only root can listen
 * also while the agent is away; below 512, where NFS takes no port for its connections; assigned to nobody.
 */
export const apiServerListenAddress: TargetAddress = { host: '127.0.0.1', port: 294 };

type Resolved = TargetAddress | Fault | undefined;

/**
 * Where the target is; a fault, or undefined for the usual one, refuses it. A promise of it never rejects.
 */
export type ResolveTarget = (target: StreamTarget) => Resolved | Promise<Resolved>;

export interface TargetOptions {
  /** The node whose tunnel this is, for the audit record. */
  readonly node: string;
  readonly resolveTarget: ResolveTarget;
  readonly audit: (record: StreamAudit) => void;
  readonly clock: TunnelClock;
  readonly dialTimeoutMs: number;
  /**
   * Called before each dial. What it gives is asked of the connection: why what answered is not to be spoken
   * to; undefined, or without it, it may.
   */
  readonly beforeDial?: (
    address: TargetAddress,
  ) => ((socket: Socket) => Promise<string | undefined>) | undefined;
}

export function connectTarget(stream: SessionStream, options: TargetOptions): void {
  const resolved = options.resolveTarget(stream.target);
  if (!(resolved instanceof Promise)) {
    connectTo(stream, resolved, options);
    return;
  }
  let isGivenUp = false;
  stream.attach(
    givenUp(() => {
      isGivenUp = true;
      const outcome = { outcome: 'reset', detail: 'given up before it was looked up' } as const;
      auditOnce(
        { node: options.node, address: '', target: stream.target },
        'acceptor',
        options,
      )(outcome, stream);
    }),
  );
  const connected = resolved.then((found) => {
    if (!isGivenUp) connectTo(stream, found, options);
  });
  background('target of a stream', connected);
}

function connectTo(stream: SessionStream, found: Resolved, options: TargetOptions): void {
  const { target } = stream.target;
  const resolved = found ?? new Fault('TUNNEL_TARGET_REFUSED', { target });
  const address = resolved instanceof Fault ? '' : `${resolved.host}:${resolved.port}`;
  const record = auditOnce({ node: options.node, address, target: stream.target }, 'acceptor', options);
  const over = (outcome: SocketOutcome) => record(outcome, stream);
  if (resolved instanceof Fault) {
    over(refusedFor(resolved));
    stream.refuse(resolved);
  } else {
    dial(stream, resolved, options, over);
  }
}

function dial(
  stream: SessionStream,
  address: TargetAddress,
  options: TargetOptions,
  over: (outcome: SocketOutcome) => void,
): void {
  const objection = options.beforeDial?.(address);
  const socket = net.connect({ ...address, allowHalfOpen: true, noDelay: true });
  const refuse = (detail: string) => {
    const fault = new Fault('TUNNEL_TARGET_UNREACHABLE', { target: stream.target.target, detail });
    timer.cancel();
    socket.destroy();
    over(refusedFor(fault));
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
  const accept = () => {
    timer.cancel();
    socket.off('error', failed);
    stream.attach(new SocketEndpoint(socket, over));
    stream.accept();
  };
  socket.once('connect', () => {
    if (objection === undefined) return accept();
    const known = objection(socket).then((why) => {
      if (socket.destroyed) return;
      if (why === undefined) accept();
      else refuse(why);
    });
    background('who answers at a target', known, (error) => refuse(String(error)));
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
