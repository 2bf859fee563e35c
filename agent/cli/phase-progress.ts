// How a long command is told on stderr: each phase with a word at its end and the time that it took, each step of
// a plan in a line, and for somebody who watches a passing line with bytes, rate and time left.
import type { HostClock } from '../host/host.ts';
import type { StepEvent } from '../plan/execute.ts';
import type { Terminal } from './terminal.ts';

const mebibyte = 1024 * 1024;
const everyMs = 200;
/** For a log file: a line now and then. */
const unwatchedEveryMs = 5000;

export class PhaseProgress {
  readonly #terminal: Terminal;
  readonly #clock: HostClock;
  readonly #phases: { name: string; elapsedMs: number }[] = [];
  #current: { name: string; title: string; sinceMs: number } | undefined;
  #stepSinceMs = 0;
  #firstBytes = 0;
  #toldMs = 0;

  constructor(terminal: Terminal, clock: HostClock) {
    this.#terminal = terminal;
    this.#clock = clock;
  }

  get phases(): readonly { name: string; elapsedMs: number }[] {
    return this.#phases;
  }

  phase(name: string, title: string): void {
    this.end();
    this.#current = { name, title, sinceMs: this.#clock.monotonicMs() };
    this.#terminal.progress('..', title);
  }

  end(): void {
    if (this.#current === undefined) return;
    const { name, title, sinceMs } = this.#current;
    const elapsedMs = Math.round(this.#clock.monotonicMs() - sinceMs);
    this.#phases.push({ name, elapsedMs });
    this.#terminal.passing('');
    this.#terminal.progress('ok', `${title} (${seconds(elapsedMs)})`);
    this.#current = undefined;
  }

  detail(text: string): void {
    this.#terminal.passing('');
    this.#terminal.note(`     ${text}`);
  }

  step(event: StepEvent): void {
    switch (event.type) {
      case 'begin':
        this.#stepSinceMs = this.#clock.monotonicMs();
        this.#toldMs = this.#stepSinceMs;
        this.#firstBytes = -1;
        this.#terminal.passing(`     ${event.index + 1}/${event.total} ${event.step.title}`);
        break;
      case 'bytes':
        this.#bytes(event.step.title, event.doneBytes, event.totalBytes);
        break;
      case 'end':
        this.#terminal.passing('');
        this.#terminal.note(`     ${event.step.title} (${seconds(event.elapsedMs)})`);
    }
  }

  #bytes(title: string, doneBytes: number, totalBytes: number): void {
    if (this.#firstBytes < 0) this.#firstBytes = doneBytes; // a resumed download doesn't count as fast
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#toldMs < (this.#terminal.isWatched ? everyMs : unwatchedEveryMs)) return;
    this.#toldMs = nowMs;
    const rate = ((doneBytes - this.#firstBytes) / Math.max(1, nowMs - this.#stepSinceMs)) * 1000;
    const left = rate > 0 ? `, ${Math.ceil((totalBytes - doneBytes) / rate)} s left` : '';
    const amount = `${mib(doneBytes)}/${mib(totalBytes)} MiB, ${mib(rate)} MiB/s${left}`;
    if (this.#terminal.isWatched) this.#terminal.passing(`     ${title}: ${amount}`);
    else this.#terminal.note(`     ${title}: ${amount}`);
  }
}

function mib(bytes: number): string {
  return (bytes / mebibyte).toFixed(1);
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
