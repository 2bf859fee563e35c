// The progress of a long command on stderr. Each phase ends with a word and the time that it took; a step of
// a plan has a line when it took long, and the others are counted (--verbose lists them). On a terminal a
// passing line shows bytes, rate and time left, also of several downloads at a time.

import type { Text } from '../../protocol/catalogue/text.ts';
import type { Terminal } from '../../protocol/cli/terminal.ts';
import type { HostClock } from '../host/host.ts';
import type { StepEvent } from '../plan/execute.ts';
import type { Plan } from '../plan/plan.ts';
import { type Amount, downloadLine, mib, rateOf } from './download-line.ts';

const everyMs = 200;
const worthSayingMs = 1000;
/** For a log file: a line now and then. */
const unwatchedEveryMs = 5000;

interface RunningStep {
  readonly title: string;
  readonly sinceMs: number;
  amount?: Amount;
}

export class PhaseProgress {
  readonly #terminal: Terminal;
  readonly #clock: HostClock;
  readonly #phases: { name: string; elapsedMs: number }[] = [];
  #current: { name: string; title: string; sinceMs: number } | undefined;
  /** By the step's key. */
  readonly #running = new Map<string, RunningStep>();
  /** Bytes of the downloads that haven't begun, by the step's key. */
  readonly #queued = new Map<string, number>();
  #toldMs = 0;
  readonly #tellsAll: boolean;
  /** Steps of the phase that had no line. */
  #untold = 0;

  constructor(terminal: Terminal, clock: HostClock, { verbose = false } = {}) {
    this.#terminal = terminal;
    this.#clock = clock;
    this.#tellsAll = verbose;
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
    if (this.#untold > 0) this.#terminal.note(`     ${this.#terminal.say(shortSteps(this.#untold))}`);
    this.#untold = 0;
    this.#terminal.progress('ok', `${title} (${seconds(elapsedMs)})`);
    this.#current = undefined;
    this.#running.clear();
  }

  detail(text: string): void {
    this.#terminal.passing('');
    this.#terminal.note(`     ${text}`);
  }

  /** What a round is going to do: from it comes the time left. */
  plan(plan: Plan): void {
    this.#queued.clear();
    for (const step of plan.steps) {
      if (step.action !== 'make' || step.resource.kind !== 'artifact') continue;
      this.#queued.set(step.key, step.resource.artifact.sizeBytes);
    }
  }

  step(event: StepEvent): void {
    const { key, title } = event.step;
    switch (event.type) {
      case 'begin':
        if (this.#running.size === 0) this.#toldMs = this.#clock.monotonicMs();
        this.#queued.delete(key);
        this.#running.set(key, { title, sinceMs: this.#clock.monotonicMs() });
        this.#terminal.passing(`     ${event.index + 1}/${event.total} ${title}`);
        break;
      case 'bytes':
        this.#bytes(key, event.doneBytes, event.totalBytes);
        break;
      case 'end': {
        const { amount, sinceMs } = this.#running.get(key) ?? { sinceMs: 0 };
        this.#running.delete(key);
        this.#terminal.passing('');
        if (event.elapsedMs < worthSayingMs && !this.#tellsAll) {
          this.#untold += 1;
          break;
        }
        const rate = amount && `, ${mib(rateOf(amount, this.#clock.monotonicMs() - sinceMs))} MiB/s`;
        this.#terminal.note(`     ${title} (${seconds(event.elapsedMs)}${rate ?? ''})`);
      }
    }
  }

  #bytes(key: string, doneBytes: number, totalBytes: number): void {
    const running = this.#running.get(key);
    if (running === undefined) return;
    // What an earlier try brought doesn't count as fast.
    const firstBytes = running.amount?.firstBytes ?? doneBytes;
    running.amount = { firstBytes, doneBytes, totalBytes };
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#toldMs < (this.#terminal.isWatched ? everyMs : unwatchedEveryMs)) return;
    this.#toldMs = nowMs;
    const queuedBytes = [...this.#queued.values()].reduce((sum, bytes) => sum + bytes, 0);
    const line = `     ${downloadLine([...this.#running.values()], nowMs, queuedBytes)}`;
    if (this.#terminal.isWatched) this.#terminal.passing(line);
    else this.#terminal.note(line);
  }
}

function shortSteps(count: number): Text {
  return {
    en: `${count} short ${count === 1 ? 'step' : 'steps'} (--verbose lists them)`,
    zh: `另有 ${count} 个短步骤（--verbose 可列出）`,
  };
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
