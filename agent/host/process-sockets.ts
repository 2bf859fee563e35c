// Which of many sockets one process has open, by /proc/PID/fd. A process with a thousand files costs some
// milliseconds, so one reading answers all who asked before it began, and as much time is left between two.
import { readdir, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { background } from '../../protocol/defect.ts';

interface Question {
  readonly inode: string;
  readonly answer: (isHeld: boolean) => void;
}

const restMs = 20;
/** A process that is another one by now has none of the sockets, and whoever was refused comes again. */
const knownForMs = 1000;

export class ProcessSockets {
  readonly #pid: () => Promise<number | undefined>;
  #questions: Question[] = [];
  #isReading = false;
  #known: { readonly pid: number | undefined; readonly atMs: number } | undefined;

  /** `pid`: of the process now; undefined while there is none. */
  constructor(pid: () => Promise<number | undefined>) {
    this.#pid = pid;
  }

  /** Whether the process has the socket with this inode open. */
  has(inode: string): Promise<boolean> {
    return new Promise((answer) => {
      this.#questions.push({ inode, answer });
      if (!this.#isReading) background('sockets of a process', this.#read());
    });
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.#questions.length > 0) {
      const asked = this.#questions.splice(0);
      const pid = await this.#pidNow();
      const sockets = pid === undefined ? new Set<string>() : await socketsOf(pid);
      for (const { inode, answer } of asked) answer(sockets.has(`socket:[${inode}]`));
      await sleep(restMs, undefined, { ref: false });
    }
    this.#isReading = false;
  }

  async #pidNow(): Promise<number | undefined> {
    const atMs = performance.now();
    if (this.#known === undefined || atMs - this.#known.atMs > knownForMs)
      this.#known = { pid: await this.#pid().catch(() => undefined), atMs };
    return this.#known.pid;
  }
}

async function socketsOf(pid: number): Promise<ReadonlySet<string>> {
  const folder = `/proc/${pid}/fd`;
  // It may end, or close one, at any moment.
  const names = await readdir(folder).catch(() => []);
  return new Set(await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => ''))));
}
