// Takes a sandbox down when its owner ends without having done so: Ctrl-C, a crash, kill -9. A small shell
// waits on a pipe that only the owner holds; when the pipe closes, it runs `main.ts down`.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface Guard {
  /** The owner has taken it down itself, or wants it to live on. */
  dismiss(): void;
}

export function startGuard(id: string): Guard {
  const command = ['sh', '-c', 'read -r word; [ "$word" = dismissed ] || exec "$@"', 'sh'] as const;
  const down = [process.execPath, join(import.meta.dirname, 'main.ts'), 'down', id];
  const [shell, ...args] = command;
  const child = spawn(shell, [...args, ...down], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // It must neither keep the owner alive nor bring it down.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
  (child.stdin as typeof child.stdin & { unref?: () => void }).unref?.();
  return { dismiss: () => child.stdin.end('dismissed\n') };
}
