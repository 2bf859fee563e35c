// What becomes of a command whose output cannot be written, at both ends the same: a reader that has gone (`|
// head`) is nobody's fault, and ends nothing that is under way; a full disk is told in one line where it can
// be, and the exit code says it. Node would end the process in the middle of its work, with a stack.
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
