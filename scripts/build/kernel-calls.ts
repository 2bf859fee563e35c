// The agent's own addon (agent/host/kernel-calls.c), compiled once per source text. It must load wherever the
// agent may run, also outside of the payload with its own C library: what it needs of one is checked against
// the oldest that a supported host has.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePackages } from '../machine/apt.ts';
import { cached } from '../machine/cache.ts';
import { output, run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';

const source = join(import.meta.dirname, '../../agent/host/kernel-calls.c');
const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-fPIC', '-shared', '-s', '-fvisibility=hidden'];
/** TencentOS 2.4's. */
const oldestGlibc = '2.17';

/** The file of the addon. What it calls of Node.js is found when it is loaded. */
export async function kernelCallsAddon(progress: Progress): Promise<string> {
  const key = createHash('sha256')
    .update(await readFile(source))
    .update([...flags, oldestGlibc].join(' '))
    .digest('hex')
    .slice(0, 12);
  const folder = await cached(`kernel-calls/${key}`, progress, async (staging) => {
    await ensurePackages(['gcc', 'libc6-dev', 'binutils'], progress);
    const addon = join(staging, 'kernel-calls.node');
    await run('gcc', [...flags, '-o', addon, source]);
    const tooNew = newerThan(oldestGlibc, await output('objdump', ['-T', '-p', addon]));
    if (tooNew.length > 0)
      throw new Error(`${source} needs ${tooNew.join(' ')}: newer than glibc ${oldestGlibc}`);
  });
  return join(folder, 'kernel-calls.node');
}

/**
 * Versions of the C library that `objdump -T -p` names and glibc `oldest` doesn't have. Those without a
 * number are the loader's own.
 */
export function newerThan(oldest: string, dump: string): string[] {
  const known = numberOf(oldest);
  const named = new Set(
    [...dump.matchAll(/\bGLIBC_([0-9.]+|[A-Z]\w*)/g)].map(([, version]) => version ?? ''),
  );
  return [...named].filter((version) => !(numberOf(version) <= known)).map((version) => `GLIBC_${version}`);
}

/** 2.2.5 and 2.17 in one order. */
function numberOf(version: string): number {
  const [major = Number.NaN, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
}
