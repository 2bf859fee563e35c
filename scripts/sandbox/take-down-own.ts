// What a program does with its sandboxes after Ctrl-C: by a process of its own, because in this
// one no command runs any more.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export function takeDownOwn(): void {
  runMain(['down', '--owner', String(process.pid)]);
}

/** Hosts of a sandbox that is nobody's, and goes on. */
export function removeHosts(sandbox: string, names: readonly string[]): void {
  if (names.length > 0) runMain(['remove', ...names, '--name', sandbox]);
}

function runMain(args: readonly string[]): void {
  const program = join(import.meta.dirname, 'main.ts');
  spawnSync(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}
