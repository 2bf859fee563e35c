// Progress on stderr for people who wait: one line per step with the time since the start, a sign of life
// every 20 seconds in a long step, and how long the step took. On a terminal the time is coloured (unless
// NO_COLOR is set) and lines end at its width. Nothing here is ever parsed.

export interface Progress {
  line(text: string): void;
  /** Announces the step, runs it, and says how long it took when that was more than a moment. */
  step<T>(title: string, action: () => Promise<T>): Promise<T>;
}

const signOfLifeMs = 20_000;
const worthSayingMs = 2_000;

/** What the reader's terminal is like; nothing of a file or a pipe. */
export interface Look {
  readonly columns?: number;
  readonly isColored: boolean;
}

export function createProgress(
  write: (line: string) => void = writeToStderr,
  look: Look = lookOf(process.stderr),
): Progress {
  const startMs = performance.now();
  const line = (text: string) => {
    const time = `[${clock(performance.now() - startMs)}]`;
    const shown = look.isColored ? `\u001b[36m${time}\u001b[0m` : time;
    const [first = '', ...rest] = wrapped(text, (look.columns ?? Infinity) - time.length - 1);
    write([`${shown} ${first}`, ...rest.map((one) => `${' '.repeat(time.length + 1)}${one}`)].join('\n'));
  };
  return {
    line,
    async step(title, action) {
      const beganMs = performance.now();
      const elapsed = () => performance.now() - beganMs;
      line(`${title} …`);
      const timer = setInterval(() => line(`${title}: still at it after ${clock(elapsed())}`), signOfLifeMs);
      try {
        const value = await action();
        if (elapsed() > worthSayingMs) line(`${title}: done in ${clock(elapsed())}`);
        return value;
      } finally {
        clearInterval(timer);
      }
    },
  };
}

export function lookOf(stream: { readonly isTTY?: boolean; readonly columns?: number }): Look {
  if (stream.isTTY !== true) return { isColored: false };
  const isColored = !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  return { isColored, ...(stream.columns === undefined ? {} : { columns: stream.columns }) };
}

/** Broken between words; a word that is longer stays whole, so that it can be copied. */
export function wrapped(text: string, columns: number): string[] {
  const indent = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = '';
  for (const word of text.slice(indent.length).split(' ')) {
    const longer = line === '' ? `${indent}${word}` : `${line} ${word}`;
    if (line !== '' && longer.length > columns) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = longer;
  }
  return [...lines, line];
}

export const silentProgress: Progress = { line: () => undefined, step: (_title, action) => action() };

/** 4.2 s, 1:07 min: short, and no more exact than the reader needs. */
export function clock(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1).padStart(4)} s`;
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')} min`;
}

function writeToStderr(text: string): void {
  process.stderr.write(`${text}\n`);
}
