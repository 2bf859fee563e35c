// The tar archive, the same bytes for the same payload: sorted names, no times, owner 0. It is made of
// two gzip members, the runtime's (packed once, in the cache) and the program's: a file of joined gzip
// members is a gzip file, and a tar whose first part has no end mark goes on with the second. So only
// the small part is packed anew.
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import type { Progress } from '../machine/progress.ts';
import type { Payload } from './payload.ts';

/** tar ends with two empty blocks; a part that another one follows must not have them. */
const endMark = 1024;

export async function packTarball(payload: Payload, progress: Progress): Promise<string> {
  const file = join(payload.out, `regnode-${payload.version}-linux-amd64.tar.gz`);
  const runtime = await readFile(join(payload.runtime, 'runtime.tar.gz'));
  const program = gzip(await tar(payload.program));
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}`;
  try {
    await writeFile(temporary, Buffer.concat([runtime, program]));
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
  const sha256 = createHash('sha256').update(runtime).update(program).digest('hex');
  progress.line(
    `${file}: ${mebibytes(runtime.length + program.length)} MiB (program ${mebibytes(program.length)}), sha256 ${sha256}`,
  );
  return file;
}

/** One gzip member with a tar of `folder` that another member can follow. */
export async function packMember(folder: string): Promise<Buffer> {
  const bytes = await tar(folder);
  return gzip(bytes.subarray(0, bytes.length - endMark));
}

export function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

async function tar(folder: string): Promise<Buffer> {
  const { stdout } = await execa(
    'tar',
    [
      ...['--create', '--format=ustar', '--blocking-factor=1', '--sort=name', '--mtime=@0'],
      ...['--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX', '--directory', folder, '.'],
    ],
    { encoding: 'buffer', maxBuffer: 1024 * 1024 * 1024 },
  );
  return Buffer.from(stdout);
}

/** zlib writes no time and no name into the header, so equal input gives equal bytes. */
function gzip(bytes: Buffer): Buffer {
  return gzipSync(bytes, { level: 6 });
}
