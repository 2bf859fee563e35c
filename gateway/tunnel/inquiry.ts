// What is found out while one HELLO waits: whether the host that has the node's tunnel is still there. Alive
// is who answers a PING that was sent after the newer one had come, here or at the replica that holds the
// tunnel; a process that was ended, a host that was started again and a connection that nobody holds do not
// answer. So it is no claim that decides, and the longest wait is one PING's.
import type { IncomingMessage } from 'node:http';
import type { Fault } from '../../protocol/catalogue/fault.ts';
import type { Machine, SeenHost } from '../../protocol/messages/machine.ts';
import type { Admission } from '../../protocol/tunnel/handshake.ts';
import type { AgentHello } from '../../protocol/tunnel/messages.ts';
import type { Session } from '../../protocol/tunnel/session.ts';
import type { Held, TunnelNode } from './held-sessions.ts';

export interface Claimant {
  readonly node: string;
  /** Of the agent's process. */
  readonly instance: string;
  readonly host: SeenHost;
}

/** The host that has the node's tunnel at another replica, and answers; undefined: nobody is to be asked. */
export type AskElsewhere = (claimant: Claimant) => Promise<SeenHost | undefined> | undefined;
/** Why this machine is not the one that was registered; undefined: nothing speaks against it. */
export type JudgeMachine = (node: string, machine: Machine) => Fault | undefined;

type Asked = Extract<Admission, { ask: unknown }>;

export class Inquiry {
  readonly node: TunnelNode;
  readonly #address: string;
  readonly #withinMs: number;
  readonly #answers = new Map<Session, boolean>();
  #elsewhere: { readonly holder: SeenHost | undefined } | undefined;

  /** `address`: the other end of the connection. `withinMs`: how long who has the tunnel has to answer. */
  constructor(node: TunnelNode, address: string, withinMs: number) {
    this.node = node;
    this.#address = address;
    this.#withinMs = withinMs;
  }

  claimant({ instance, machine }: AgentHello): Claimant {
    const host: SeenHost = {
      address: this.#address,
      ...(machine && { hostname: machine.hostname, bootId: machine.bootId }),
    };
    return { node: this.node.name, instance, host };
  }

  /** Who has the tunnel and is there, of what is held here; or that it has to be asked. */
  here(held: Held): SeenHost | Asked | undefined {
    const { session } = held;
    if (!session.attached) return undefined;
    const answer = this.#answers.get(session);
    if (answer !== undefined) return answer ? held.host : undefined;
    return {
      ask: (answered) => {
        const told = (isThere: boolean) => {
          this.#answers.set(session, isThere);
          answered();
        };
        if (session.connection) session.connection.ask(this.#withinMs, told);
        else told(false);
      },
    };
  }

  /** The same of the other replicas, once. */
  elsewhere(claimant: Claimant, askElsewhere: AskElsewhere): SeenHost | Asked | undefined {
    if (this.#elsewhere) return this.#elsewhere.holder;
    const asking = askElsewhere(claimant);
    if (asking === undefined) return undefined;
    return {
      ask: (answered) => {
        // A replica that can't be asked keeps nobody out.
        const found = (holder: SeenHost | undefined) => {
          this.#elsewhere = { holder };
          answered();
        };
        asking.then(found, () => found(undefined));
      },
    };
  }
}

export function peerAddress({ socket }: IncomingMessage): string {
  return socket.remoteAddress?.replace(/^::ffff:/, '') ?? '';
}
