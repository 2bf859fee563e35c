// The first message in each direction. The agent names the session that it wants to go on with and how much
// of it has arrived; the gateway decides, at once or when it has asked somebody. A frame before the answer
// breaks the protocol, so none can slip between the HELLO and the session. A peer that says nothing, or
// something else, is closed after `helloTimeoutMs`.
import { Fault } from '../catalogue/fault.ts';
import type { Machine } from '../messages/machine.ts';
import type { TunnelClock } from './clock.ts';
import { Connection, type ConnectionSink } from './connection.ts';
import { FrameType } from './frame.ts';
import { packingVersion, type TunnelLimits } from './limits.ts';
import {
  type AgentHello,
  agentHelloSchema,
  answerSchema,
  decodeJson,
  encodeJson,
  type GatewayHello,
  gatewayHelloSchema,
  type Refusal,
  refusalSchema,
  tunnelVersion,
} from './messages.ts';
import type { ReadingPace } from './reading-pace.ts';
import type { Session } from './session.ts';
import { CloseCode, type Transport } from './transport.ts';
import { invalid, type ViolationKind, violationKind } from './violation.ts';

/** Why there was no session: what the peer broke, or that it said nothing, went away, or was refused. */
export type HandshakeFailure =
  | ViolationKind
  | 'no-hello'
  | 'gone'
  | 'refused'
  | 'another-node'
  /** The node is another host's, which is connected. */
  | 'second-host'
  /** The node was registered with other hardware. */
  | 'other-hardware';

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
  self: { readonly instance: string; readonly epoch: number; readonly machine?: Machine },
  options: HandshakeOptions,
  failed: (reason: string, refusal?: Fault) => void,
): void {
  session.suspend('a newer connection takes over');
  session.handshaking();
  let refusal: Fault | undefined;
  const connection = awaitHello(transport, options, {
    hello(payload) {
      if (decodeJson(answerSchema, payload, 'HELLO').refused !== undefined) {
        refusal = Fault.fromWire(decodeJson(refusalSchema, payload, 'HELLO').refused);
        connection.close(CloseCode.refused, refusal.code);
        return;
      }
      const hello = decodeJson(gatewayHelloSchema, payload, 'HELLO');
      if (hello.packing === packingVersion && hello.packing === options.limits.packing)
        connection.packing.start();
      acceptAnswer(connection, session, hello);
    },
    failed(reason) {
      session.handshakeFailed();
      failed(refusal?.message ?? reason, refusal);
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
  | Admitted
  | HandshakeRefusal
  /** Somebody has to be asked first; then `admit` is called again. */
  | { readonly ask: (answered: () => void) => void };

interface Admitted {
  readonly session: Session;
  readonly resume: boolean;
  readonly id: string;
}

interface HandshakeRefusal {
  /** The peer is told. */
  readonly refuse: string;
  readonly kind?: HandshakeFailure;
  /** For our own eyes; default: what the peer is told. */
  readonly detail?: string;
  /** For a peer that reads one. */
  readonly fault?: Fault;
}

/** Gateway: waits for HELLO on a new transport. `admit` suspends or ends what the connection supersedes. */
export function answerHello(
  transport: Transport,
  options: HandshakeOptions,
  admit: (hello: AgentHello) => Admission,
  failed: (reason: string, kind: HandshakeFailure) => void,
): Connection {
  const decide = (hello: AgentHello, refuse: (refusal: HandshakeRefusal) => void) => {
    const admission = admit(hello);
    if ('ask' in admission) {
      admission.ask(() => {
        if (connection.isOpen) connection.guarded(() => decide(hello, refuse));
      });
    } else if ('refuse' in admission) {
      const { fault } = admission;
      if (fault && hello.machine) sendHello(connection, { version: tunnelVersion, refused: fault.toWire() });
      refuse(admission);
    } else establish(hello, admission);
  };
  const establish = (hello: AgentHello, { session, resume, id }: Admitted) => {
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
  };
  const connection = awaitHello(transport, options, {
    hello: (payload, refuse) => decide(decodeJson(agentHelloSchema, payload, 'HELLO'), refuse),
    failed,
  });
  return connection;
}

function awaitHello(
  transport: Transport,
  { clock, limits, pace }: HandshakeOptions,
  then: {
    hello(payload: Uint8Array, refuse: (refusal: HandshakeRefusal) => void): void;
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
      then.hello(payload, (refusal) => {
        kind = refusal.kind ?? kind;
        detail = refusal.detail;
        connection.close(refusal.fault ? CloseCode.refused : CloseCode.stale, refusal.refuse);
      });
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

function sendHello(connection: Connection, hello: AgentHello | GatewayHello | Refusal): void {
  connection.writer.frame(FrameType.hello, 0, 0, encodeJson(hello));
  connection.writer.flush();
}
