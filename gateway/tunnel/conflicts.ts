// Hosts that asked for a node that is another host's, and were refused: a copied disk, mostly. Kept as long
// as they go on asking, and a little: whoever shows it (conditions, both hosts) is told when one comes, when
// it becomes another, and when it is over. One a node; memory alone, since the host asks again.
import { isDeepStrictEqual } from 'node:util';
import { tellEach } from '../../protocol/defect.ts';
import type { IdentityConflict } from '../../protocol/messages/machine.ts';
import type { TunnelClock, TunnelTimer } from '../../protocol/tunnel/clock.ts';

/** An agent that is refused asks again within a minute. */
const conflictMs = 3 * 60_000;

interface Kept {
  readonly conflict: IdentityConflict;
  readonly timer: TunnelTimer;
}

export class Conflicts {
  readonly #clock: TunnelClock;
  readonly #kept = new Map<string, Kept>();
  readonly #listeners: ((node: string) => void)[] = [];

  constructor(clock: TunnelClock) {
    this.#clock = clock;
  }

  onChange(listener: (node: string) => void): void {
    this.#listeners.push(listener);
  }

  get(node: string): IdentityConflict | undefined {
    return this.#kept.get(node)?.conflict;
  }

  note(node: string, conflict: IdentityConflict): void {
    const before = this.#kept.get(node);
    before?.timer.cancel();
    const timer = this.#clock.after(conflictMs, () => this.over(node));
    this.#kept.set(node, { conflict, timer });
    if (!isDeepStrictEqual(before?.conflict, conflict)) this.#tell(node);
  }

  /** The host that was refused has it now, nobody asks any more, or the node is gone. */
  over(node: string): void {
    this.#kept.get(node)?.timer.cancel();
    if (this.#kept.delete(node)) this.#tell(node);
  }

  /** Nobody is told any more. */
  stop(): void {
    for (const { timer } of this.#kept.values()) timer.cancel();
    this.#kept.clear();
  }

  #tell(node: string): void {
    tellEach('identity conflict', this.#listeners, node);
  }
}
