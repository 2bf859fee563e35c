// Progress on stderr for people who wait: one line per step with the time since the start, a sign of life
// every 20 seconds in a long step, and how long the step took. Nothing here is ever parsed.

export interface Progress {
  line(text: string): void;
  /** Announces the step, runs it, and says how long it took when that was more than a moment. */
  step<T>(title: string, action: () => Promise<T>): Promise<T>;
}

const signOfLifeMs = 20_000;
const worthSayingMs = 2_000;

export function createProgress(write: (line: string) => void = writeToStderr): Progress {
  const startMs = performance.now();
  const line = (text: string) => write(`[${clock(performance.now() - startMs)}] ${text}`);
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
