// A program that a test talks to in the cloud's network namespace, or in a host's, from where it reaches the
// gateway as hosts do. It obeys orders over Node's own channel and ends when the test does, or by `stop`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Sandbox } from '../../../scripts/sandbox/sandbox.ts';

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

export class Peer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #orders = 0;

  /** `namespace`: another one than the cloud's, such as a host's. */
  constructor({ cloud }: Sandbox, program: string, namespace = cloud.namespace) {
    const script = new URL(program, import.meta.url).pathname;
    // nsenter becomes the program, so the channel and the pid are the program's.
    this.#child = spawn('nsenter', [`--net=/run/netns/${namespace}`, '--', process.execPath, script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', ({ id, result, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${program}: ${code ?? signal}`));
    });
  }

  ask<T>(order: object): Promise<T> {
    const answer = Promise.withResolvers<unknown>();
    const id = this.#orders++;
    this.#waiting.set(id, answer);
    this.#child.send({ id, order });
    return answer.promise as Promise<T>;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/** The other end: the program's answer to each order. */
export function obey<Order>(carryOut: (order: Order) => Promise<unknown>): void {
  process.on('message', ({ id, order }: { id: number; order: Order }) => {
    carryOut(order).then(
      (result) => process.send?.({ id, result } satisfies Answer),
      (error: Error) => process.send?.({ id, error: error.stack ?? error.message } satisfies Answer),
    );
  });
  process.on('disconnect', () => process.exit());
}
