// Copies a folder with all that a root file system has: owners, holes, extended attributes.
import { mkdir } from 'node:fs/promises';
import { run } from '../machine/command.ts';

export async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const kept = ['-a', '--reflink=auto', '--sparse=always'];
  await run('cp', [...kept, `${from}/.`, to], { timeoutMs: 300_000 });
}
