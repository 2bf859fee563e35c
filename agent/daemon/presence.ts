// How the cluster sees this node, as the gateway tells it, and the way back when somebody has deleted the
// Node: a kubelet registers when it starts and never again, so it is started again, after a while (a removal
// may be on its way, which is told otherwise) and at growing pauses, which begin anew only after the Node has
// been there for a while: a gateway that says now this and now that costs no more restarts than one that says
// that it is gone. Nothing is started while the host joins, leaves, or its kubelet has no answer.
import type { Logger } from 'pino';
import type { ControlMessage } from '../../protocol/messages/control.ts';
import type { Observation } from '../health/condition.ts';
import type { Host } from '../host/host.ts';

const lookEveryMs = 5000;
export const registerAgain = { firstMs: 60_000, longestMs: 30 * 60_000, settledMs: 30 * 60_000 } as const;

export type SeenNode = Extract<ControlMessage, { kind: 'node' }>;

export interface PresenceOptions {
  readonly host: Host;
  /** The tunnel is open, nothing is being changed on the host, the kubelet answers. */
  readonly isSteady: () => boolean;
  /** By what is on the disk: a command may be at work. */
  readonly isJoined: () => Promise<boolean>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export class Presence {
  readonly #options: PresenceOptions;
  #seen: SeenNode | undefined;
  #restarts = 0;
  #dueAtMs: number | undefined;
  /** Since when the Node is there. */
  #thereSinceMs: number | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** undefined: no gateway has said so. */
  get cluster(): Pick<SeenNode, 'ready' | 'message'> | undefined {
    return this.#seen && { ready: this.#seen.ready, message: this.#seen.message };
  }

  /** Another host asks for this node, and the gateway refuses it. */
  get conflict(): SeenNode['conflict'] {
    return this.#seen?.conflict;
  }

  get observation(): Observation {
    const { ready } = this.#seen ?? {};
    const isKnown = ready !== undefined && this.#options.isSteady();
    return { code: 'NODE_ABSENT', state: isKnown ? (ready === 'Absent' ? 'bad' : 'good') : 'unknown' };
  }

  seen(node: SeenNode): void {
    const nowMs = this.#options.host.clock.monotonicMs();
    this.#seen = node;
    if (node.ready === 'Absent') {
      if (this.#thereSinceMs !== undefined && nowMs - this.#thereSinceMs >= registerAgain.settledMs)
        this.#restarts = 0;
      this.#thereSinceMs = undefined;
      this.#dueAtMs ??= nowMs + this.#pauseMs();
    } else {
      this.#thereSinceMs ??= nowMs;
      this.#dueAtMs = undefined;
    }
  }

  async run(): Promise<void> {
    const { host, signal } = this.#options;
    while (!signal.aborted) {
      await host.clock.sleep(lookEveryMs, signal).catch(() => undefined);
      if (!signal.aborted && this.#isDue()) await this.#register();
    }
  }

  #isDue(): boolean {
    const { host, isSteady } = this.#options;
    return this.#dueAtMs !== undefined && host.clock.monotonicMs() >= this.#dueAtMs && isSteady();
  }

  async #register(): Promise<void> {
    const { host, logger, signal, isJoined } = this.#options;
    if (!(await isJoined())) return;
    this.#restarts += 1;
    const pauseMs = this.#pauseMs();
    this.#dueAtMs = host.clock.monotonicMs() + pauseMs;
    logger.warn(
      { restarts: this.#restarts, nextNotBeforeMs: Math.round(pauseMs) },
      'the cluster has no Node of this name: the kubelet is started again',
    );
    const args = ['try-restart', 'kubelet.service'];
    const { exitCode, stderr } = await host.processes.run('systemctl', args, { timeoutMs: 120_000, signal });
    if (exitCode !== 0) logger.error({ detail: stderr.trim() }, 'the kubelet could not be started again');
  }

  /** Doubling, and spread: a thousand Nodes may have been deleted by one command. */
  #pauseMs(): number {
    const { firstMs, longestMs } = registerAgain;
    return Math.min(longestMs, firstMs * 2 ** this.#restarts) * (1 + Math.random() / 4);
  }
}
