// Room on file systems across a network. Asking one whose server is gone blocks the asker for ever and
// cannot be taken back, so it is asked from a thread that may be thrown away: nobody waits for it, an
// answer is used when it comes, and a mount that gave none is left alone for a while. At most four
// threads can hang at a time.

import { Worker } from 'node:worker_threads';
import { background } from '../../protocol/defect.ts';
import type { FileSystemSpace } from './procfs.ts';

const answerTimeoutMs = 5000;
const pauseMs = 60_000;
const answerLifetimeMs = 120_000;
const hungLimit = 4;
/** Mounts come and go, each at another place. */
const rememberedLimit = 1024;

const askerSource = `
const { parentPort } = require('node:worker_threads');
const { statfsSync } = require('node:fs');
parentPort.on('message', (path) => {
  let space;
  try {
    const s = statfsSync(path);
    space = { blockBytes: s.bsize, blocks: s.blocks, freeBlocks: s.bfree, availableBlocks: s.bavail, files: s.files, freeFiles: s.ffree };
  } catch {}
  parentPort.postMessage({ path, space });
});`;

interface Answer {
  readonly space: FileSystemSpace | undefined;
  readonly atMs: number;
}

export class RemoteSpaces {
  readonly #clock: { monotonicMs(): number };
  readonly #answers = new Map<string, Answer>();
  readonly #askedAtMs = new Map<string, number>();
  #asker: Worker | undefined;
  #asking: string | undefined;
  #hung = 0;

  constructor(clock: { monotonicMs(): number }) {
    this.#clock = clock;
  }

  /** What was last answered, if that is not too old; asks again in the background. */
  space(mountPoint: string): FileSystemSpace | undefined {
    const now = this.#clock.monotonicMs();
    this.#abandonHung(now);
    const askedAt = this.#askedAtMs.get(mountPoint) ?? Number.NEGATIVE_INFINITY;
    const answer = this.#answers.get(mountPoint);
    const isPaused = answer?.space === undefined && now - askedAt < pauseMs;
    if (this.#asking === undefined && !isPaused && this.#hung < hungLimit) this.#ask(mountPoint, now);
    return answer !== undefined && now - answer.atMs < answerLifetimeMs ? answer.space : undefined;
  }

  async close(): Promise<void> {
    await this.#asker?.terminate();
  }

  #ask(mountPoint: string, now: number): void {
    this.#asking = mountPoint;
    const [oldest] = this.#askedAtMs.size >= rememberedLimit ? this.#askedAtMs.keys() : [];
    if (oldest !== undefined) for (const known of [this.#askedAtMs, this.#answers]) known.delete(oldest);
    this.#askedAtMs.delete(mountPoint);
    this.#askedAtMs.set(mountPoint, now);
    this.#asker ??= this.#startAsker();
    this.#asker.postMessage(mountPoint);
  }

  #startAsker(): Worker {
    const asker = new Worker(askerSource, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } });
    asker.unref();
    let isHung = false;
    asker.on('message', ({ path, space }: { path: string; space: FileSystemSpace | undefined }) => {
      this.#answers.set(path, { space, atMs: this.#clock.monotonicMs() });
      if (asker === this.#asker) this.#asking = undefined;
      else if (!isHung) {
        // It was given up and has come back after all.
        isHung = true;
        this.#hung -= 1;
        background('asker of remote file systems', asker.terminate());
      }
    });
    asker.on('error', () => {
      if (asker === this.#asker) this.#asker = undefined;
    });
    return asker;
  }

  #abandonHung(now: number): void {
    if (this.#asking === undefined) return;
    if (now - (this.#askedAtMs.get(this.#asking) ?? now) < answerTimeoutMs) return;
    this.#answers.set(this.#asking, { space: undefined, atMs: now });
    this.#asking = undefined;
    this.#asker = undefined;
    this.#hung += 1;
  }
}
