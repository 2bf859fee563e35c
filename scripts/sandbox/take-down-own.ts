// What a program does with its sandboxes after Ctrl-C: by a process of its own, because in this
// one no command runs any more.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export function takeDownOwn(): void {
  const args = [join(import.meta.dirname, 'main.ts'), 'down', '--owner', String(process.pid)];
  spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}
