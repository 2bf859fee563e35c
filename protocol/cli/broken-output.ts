// What a command does when its output cannot be written. A reader that has gone (`regnode status | head`) is
// no failure and interrupts nothing. A full disk is reported in one line where that is possible, and by the
// exit code. Without this, Node.js would end the process in the middle of its work, with a stack.
import { Fault, type Language } from '../catalogue/fault.ts';

interface Stream {
  write(text: string): unknown;
  on(event: 'error', hear: (error: NodeJS.ErrnoException) => void): unknown;
}

export interface Ending {
  exitCode?: number | string | null | undefined;
  once(event: 'exit', hear: () => void): unknown;
}

export function outliveBrokenOutput(
  stdout: Stream,
  stderr: Stream,
  language: Language,
  ending: Ending = process,
): void {
  let isLost = false;
  const lost = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || isLost) return;
    isLost = true;
    const { message, remedy } = new Fault('OUTPUT_FAILED', { detail: error.message }).explain(language);
    stderr.write(`[fail] OUTPUT_FAILED: ${message}\n       → ${remedy}\n`);
  };
  stdout.on('error', lost);
  stderr.on('error', lost);
  ending.once('exit', () => {
    if (isLost && (ending.exitCode ?? 0) === 0) ending.exitCode = 1;
  });
}
