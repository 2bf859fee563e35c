// The first message in each direction. The agent names the session that it wants to go on with and how much
// of it has arrived; the gateway decides. Everything happens within one call, so no frame can slip between
// the HELLO and the session. A peer that says nothing, or something else, is closed after `helloTimeoutMs`.
import type { TunnelClock } from './clock.ts';
import { Connection, type ConnectionSink } from './connection.ts';
import { FrameType } from './frame.ts';
import { packingVersion, type TunnelLimits } from './limits.ts';
import {
  type AgentHello,
  agentHelloSchema,
  decodeJson,
  encodeJson,
  type GatewayHello,
  gatewayHelloSchema,
  tunnelVersion,
} from './messages.ts';
import type { ReadingPace } from './reading-pace.ts';
import type { Session } from './session.ts';
import { CloseCode, type Transport } from './transport.ts';
import { invalid, type ViolationKind, violationKind } from './violation.ts';

/** Why there was no session: what the peer broke, or that it said nothing, went away, or was refused. */
export type HandshakeFailure = ViolationKind | 'no-hello' | 'gone' | 'refused' | 'another-node';

export interface HandshakeOptions {
  readonly clock: TunnelClock;
  readonly limits: TunnelLimits;
  /** Gateway: the name of this replica. */
  readonly name?: string;
  /** Gateway: how fast the node is read. */
  readonly pace?: ReadingPace;
}

/** Agent: offers the session on a new transport; `failed` is called when it ends before it is established. */
export function offerSession(
  transport: Transport,
  session: Session,
  self: { readonly instance: string; readonly epoch: number },
  options: HandshakeOptions,
  failed: (reason: string) => void,
): void {
  session.suspend('a newer connection takes over');
  session.handshaking();
  const connection = awaitHello(transport, options, {
    hello(payload) {
      const hello = decodeJson(gatewayHelloSchema, payload, 'HELLO');
      if (hello.packing === packingVersion && hello.packing === options.limits.packing)
        connection.packTelemetry();
      acceptAnswer(connection, session, hello);
      return undefined;
    },
    failed(reason) {
      session.handshakeFailed();
      failed(reason);
    },
  });
  sendHello(connection, {
    version: tunnelVersion,
    ...self,
    session: session.id,
    received: session.received,
  } satisfies AgentHello);
}

function acceptAnswer(connection: Connection, session: Session, hello: GatewayHello): void {
  session.peerName = hello.gateway ?? '';
  if (!hello.resumed) {
    session.begin(connection, hello.session);
    return;
  }
  if (hello.session !== session.id)
    throw invalid('payload', 'HELLO resumes a session that was not asked for');
  session.resume(connection, hello.received);
}

/** What the gateway does with an agent's HELLO. */
export type Admission =
  | { readonly session: Session; readonly resume: boolean; readonly id: string }
  | HandshakeRefusal;

interface HandshakeRefusal {
  /** The peer is told. */
  readonly refuse: string;
  readonly kind?: HandshakeFailure;
  /** For our own eyes; default: what the peer is told. */
  readonly detail?: string;
}

/** Gateway: waits for HELLO on a new transport. `admit` suspends or ends what the connection supersedes. */
export function answerHello(
  transport: Transport,
  options: HandshakeOptions,
  admit: (hello: AgentHello) => Admission,
  failed: (reason: string, kind: HandshakeFailure) => void,
): Connection {
  const connection = awaitHello(transport, options, {
    hello(payload) {
      const hello = decodeJson(agentHelloSchema, payload, 'HELLO');
      const admission = admit(hello);
      if ('refuse' in admission) return admission;
      const { session, resume, id } = admission;
      sendHello(connection, {
        version: tunnelVersion,
        session: id,
        resumed: resume,
        received: resume ? session.received : 0,
        resumeWindowMs: options.limits.resumeWindowMs,
        ...(options.limits.packing > 0 && { packing: options.limits.packing }),
        ...(options.name === undefined ? {} : { gateway: options.name }),
      } satisfies GatewayHello);
      if (resume) session.resume(connection, hello.received);
      else session.begin(connection, id);
      return undefined;
    },
    failed,
  });
  return connection;
}

function awaitHello(
  transport: Transport,
  { clock, limits, pace }: HandshakeOptions,
  then: {
    hello(payload: Uint8Array): HandshakeRefusal | undefined;
    failed(reason: string, kind: HandshakeFailure): void;
  },
): Connection {
  let kind: HandshakeFailure = 'gone';
  let detail: string | undefined;
  const timer = clock.after(limits.helloTimeoutMs, () => {
    kind = 'no-hello';
    connection.close(CloseCode.helloTimeout, 'no HELLO');
  });
  let answered = false;
  const sink: ConnectionSink = {
    frame(type, _stream, _aux, payload) {
      if (type !== FrameType.hello || answered) {
        throw invalid('frame-order', 'anything but one HELLO before the session');
      }
      answered = true;
      kind = 'refused';
      timer.cancel();
      const refusal = then.hello(payload);
      if (!refusal) return;
      kind = refusal.kind ?? kind;
      detail = refusal.detail;
      connection.close(CloseCode.stale, refusal.refuse);
    },
    violation(fault) {
      timer.cancel();
      detail = fault.message;
      kind = violationKind(fault);
    },
    drained() {},
    suspected() {},
    closed(reason) {
      timer.cancel();
      then.failed(detail ?? reason, kind);
    },
  };
  const connection = new Connection(transport, clock, limits, sink, pace);
  return connection;
}

function sendHello(connection: Connection, hello: AgentHello | GatewayHello): void {
  connection.writer.frame(FrameType.hello, 0, 0, encodeJson(hello));
  connection.writer.flush();
}
