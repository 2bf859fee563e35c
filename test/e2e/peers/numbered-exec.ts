// A `kubectl exec` that echoes numbers for as long as the test lasts: each must come back once and in order.
import { expect } from 'vitest';
import type { Sandbox } from '../../../scripts/sandbox/sandbox.ts';
import { waitFor } from '../../../scripts/sandbox/wait.ts';
import { LiveKubectl } from '../live-kubectl.ts';

const intervalMs = 100;

export class NumberedExec {
  readonly #kubectl: LiveKubectl;
  readonly #timer: NodeJS.Timeout;
  #typed = 0;

  constructor(sandbox: Sandbox, pod: string) {
    this.#kubectl = new LiveKubectl(sandbox, ['exec', '-i', pod, '--', 'cat']);
    this.#timer = setInterval(() => this.#type(), intervalMs);
  }

  /** A number typed now comes back, behind all that were typed before. */
  async goesOn(): Promise<void> {
    this.#type();
    const typed = this.#typed;
    await waitFor(`number ${typed} from kubectl exec`, () => this.#kubectl.arrivals.length >= typed, {
      timeoutMs: 60_000,
      detail: () => this.#kubectl.text.slice(-500),
    });
    this.#expectOrder();
  }

  async ends(): Promise<void> {
    clearInterval(this.#timer);
    this.#kubectl.endInput();
    expect(await this.#kubectl.ends(60_000), this.#kubectl.text.slice(-500)).toBe(0);
    this.#expectOrder();
    expect(this.#kubectl.arrivals).toHaveLength(this.#typed);
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    return this.#kubectl.stop();
  }

  #type(): void {
    this.#typed += 1;
    this.#kubectl.type(`${this.#typed}\n`);
  }

  #expectOrder(): void {
    const lines = this.#kubectl.arrivals.map(({ line }) => line);
    expect(lines).toEqual(lines.map((_, index) => String(index + 1)));
  }
}
