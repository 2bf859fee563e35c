// Two hosts with one identity: a copied disk, or a host whose node was registered with other hardware.
// Whoever has the tunnel and answers keeps it, the other one is refused with a code, and both are
// told. A host that has gone without a word (a boot, a dead process, a cut line) does not answer, so
// the one that comes gets in.
import { isDeepStrictEqual } from 'node:util';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { describeHost, type SeenHost } from '../../protocol/messages/machine.ts';
import type { TunnelClock } from '../../protocol/tunnel/clock.ts';
import type { Admission, HandshakeFailure } from '../../protocol/tunnel/handshake.ts';
import type { AgentHello } from '../../protocol/tunnel/messages.ts';
import { Conflicts } from './conflicts.ts';
import type { Held, HeldSessions } from './held-sessions.ts';
import type { AskElsewhere, Claimant, Inquiry, JudgeMachine } from './inquiry.ts';

export interface RivalsOptions {
  readonly judgeMachine?: JudgeMachine;
  readonly askElsewhere?: AskElsewhere;
}

export class Rivals {
  readonly conflicts: Conflicts;
  readonly #held: HeldSessions;
  /** How long who has the tunnel has to answer. */
  readonly #withinMs: number;
  readonly #options: RivalsOptions;

  constructor(held: HeldSessions, clock: TunnelClock, withinMs: number, options: RivalsOptions) {
    this.#held = held;
    this.#withinMs = withinMs;
    this.#options = options;
    this.conflicts = new Conflicts(clock);
  }

  /** Of a process that wants a session; `held` is that of another process, whose place it would take. */
  whyNot(inquiry: Inquiry, hello: AgentHello, held: Held | undefined): Admission | undefined {
    const claimant = inquiry.claimant(hello);
    const { node, host } = claimant;
    const holder = this.#holder(inquiry, claimant, held);
    if (holder && 'ask' in holder) return holder;
    if (holder) {
      const values = { name: node, holder: describeHost(holder) };
      return this.#refuse(claimant, 'second-host', new Fault('IDENTITY_IN_USE', values));
    }
    const fault = hello.machine && this.#options.judgeMachine?.(node, hello.machine);
    if (fault) return this.#refuse(claimant, 'other-hardware', fault);
    if (isDeepStrictEqual(this.conflicts.get(node)?.refused, host)) this.conflicts.over(node);
    return undefined;
  }

  /**
   * For another replica to which a host has come: the one that has the tunnel here, if it answers and is
   * another process. Then the newcomer is refused there, and that is known here.
   */
  async holderHere({ node, instance, host }: Claimant): Promise<SeenHost | undefined> {
    const held = this.#held.get(node);
    const { connection } = held?.session ?? {};
    if (!held || !connection || held.instance === instance) return undefined;
    const isThere = await new Promise<boolean>((resolve) => connection.ask(this.#withinMs, resolve));
    if (!isThere) return undefined;
    this.conflicts.note(node, { code: 'IDENTITY_IN_USE', refused: host });
    return held.host;
  }

  #holder(inquiry: Inquiry, claimant: Claimant, held: Held | undefined): ReturnType<Inquiry['here']> {
    const here = held && inquiry.here(held);
    if (here) return here;
    const { askElsewhere } = this.#options;
    // Of a process whose session is here nobody else knows better.
    const isHere = this.#held.get(claimant.node) !== held;
    return isHere || askElsewhere === undefined ? undefined : inquiry.elsewhere(claimant, askElsewhere);
  }

  #refuse({ node, host }: Claimant, kind: HandshakeFailure, fault: Fault): Admission {
    const { code, values } = fault;
    const detail = values.detail === undefined ? {} : { detail: String(values.detail).slice(0, 500) };
    this.conflicts.note(node, { code, refused: host, ...detail });
    return { refuse: code, kind, fault, detail: `${describeHost(host)}: ${fault.message}` };
  }
}
