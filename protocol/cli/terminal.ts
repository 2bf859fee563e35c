// Where a command prints: the result on stdout, everything else on stderr, in the reader's
// language. A verdict is always a word ([ok], [fail]); colour only repeats it, and never when
// NO_COLOR is set or nobody looks.
import type { Fault, Language } from '../catalogue/fault.ts';
import type { Text } from '../catalogue/text.ts';
import { printable, printableJson, printableLines } from '../printable.ts';

const resultSchemaVersion = 1;

const marks = { ok: 32, fail: 31, skip: 33, '..': 36 } as const;
export type Mark = keyof typeof marks;

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export class Terminal {
  readonly language: Language;
  readonly json: boolean;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #noColor: boolean;

  constructor(options: {
    language: Language;
    json: boolean;
    stdout: Output;
    stderr: Output;
    noColor: boolean;
  }) {
    this.language = options.language;
    this.json = options.json;
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#noColor = options.noColor;
  }

  get colorsResult(): boolean {
    return !this.#noColor && this.#stdout.isTTY === true;
  }

  get isWatched(): boolean {
    return this.#stderr.isTTY === true;
  }

  say(text: Text): string {
    return text[this.language];
  }

  /** The result: with --json this and nothing else is on stdout. */
  result(text: string): void {
    if (!this.json) this.#stdout.write(printableLines(text, this.colorsResult));
  }

  /** The next result stands at the top of a cleared screen. */
  clear(): void {
    if (!this.json && this.#stdout.isTTY === true) this.#stdout.write('\u001b[H\u001b[J');
  }

  resultJson(value: object): void {
    if (this.json)
      this.#stdout.write(`${printableJson(JSON.stringify({ schema: resultSchemaVersion, ...value }))}\n`);
  }

  progress(mark: Mark, text: string): void {
    const word = `[${mark}]`;
    const isColored = !this.#noColor && this.isWatched;
    this.#stderr.write(
      `${isColored ? `\u001b[${marks[mark]}m${word}\u001b[0m` : word} ${printableLines(text)}\n`,
    );
  }

  note(text: string): void {
    this.#stderr.write(`${printableLines(text, !this.#noColor && this.isWatched)}\n`);
  }

  /** A line that the next one overwrites; only for somebody who watches. */
  passing(text: string): void {
    if (this.isWatched) this.#stderr.write(`\r\u001b[K${printable(text)}`);
  }

  fault(fault: Fault): void {
    const { message, remedy } = fault.explain(this.language);
    this.resultJson({ error: { ...fault.toWire(), message, remedy } });
    this.progress('fail', `${fault.code}: ${message}`);
    const { kept } = fault.values;
    if (kept !== undefined) this.note(`       ${this.say(notUndone)}${kept}`);
    this.note(`       → ${remedy}`);
  }
}

const notUndone: Text = { en: 'could not be undone: ', zh: '无法撤销：' };
