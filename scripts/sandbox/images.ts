// Container images made by hand, as docker-archive tars, because no registry is needed or reachable: `pause`,
// whose program is two instructions, and a busybox for pods to run. The same input gives the same bytes.
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { output, run } from '../machine/command.ts';

export const busyboxImage = 'registry.sandbox.local/busybox:1';
/** The name that a pool has by default, and one of our own. */
const pauseImages = ['registry.k8s.io/pause:3.9', 'registry.sandbox.local/pause:1'];

export async function writePauseImage(tar: string): Promise<void> {
  await writeImage(tar, pauseImages, { Entrypoint: ['/pause'] }, async (root) => {
    await writeFile(join(root, 'pause'), pauseProgram());
    await chmod(join(root, 'pause'), 0o755);
  });
}

export async function writeBusyboxImage(tar: string, busybox: string): Promise<void> {
  const configuration = { Cmd: ['sh'], Env: ['PATH=/bin'] };
  await writeImage(tar, [busyboxImage], configuration, async (root) => {
    for (const folder of ['bin', 'etc', 'tmp', 'root']) await mkdir(join(root, folder));
    await chmod(join(root, 'tmp'), 0o1777);
    await copyFile(busybox, join(root, 'bin/busybox'));
    await writeFile(
      join(root, 'etc/passwd'),
      'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n',
    );
    for (const applet of (await output(busybox, ['--list'])).split('\n')) {
      if (applet !== 'busybox') await symlink('busybox', join(root, 'bin', applet));
    }
  });
}

async function writeImage(
  tar: string,
  names: readonly string[],
  configuration: object,
  fill: (root: string) => Promise<void>,
): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'regnode-image-'));
  try {
    const root = join(work, 'root');
    const archive = join(work, 'archive');
    await mkdir(root);
    await mkdir(archive);
    await fill(root);
    await pack(root, join(archive, 'layer.tar'));
    const layer = createHash('sha256')
      .update(await readFile(join(archive, 'layer.tar')))
      .digest('hex');
    const image = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: configuration,
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
      history: [{ created: '1970-01-01T00:00:00Z', created_by: 'scripts/sandbox' }],
    });
    const name = `${createHash('sha256').update(image).digest('hex')}.json`;
    await writeFile(join(archive, name), image);
    const manifest = [{ Config: name, RepoTags: names, Layers: ['layer.tar'] }];
    await writeFile(join(archive, 'manifest.json'), JSON.stringify(manifest));
    await mkdir(dirname(tar), { recursive: true });
    await pack(archive, tar);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function pack(folder: string, tar: string): Promise<void> {
  const stable = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  // By name, without a leading ./, as docker's own archives have them.
  await run('tar', [...stable, '-C', folder, '-cf', tar, '--', ...(await readdir(folder)).sort()]);
}

/** The smallest program that does what a pause container does: `for (;;) pause();` as an x86-64 ELF file. */
function pauseProgram(): Buffer {
  // mov eax,34; syscall; jmp back
  const code = Buffer.from([0xb8, 0x22, 0x00, 0x00, 0x00, 0x0f, 0x05, 0xeb, 0xf7]);
  const headerSize = 64 + 56;
  const base = 0x400000n;
  const size = BigInt(headerSize + code.length);
  const file = Buffer.alloc(headerSize);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeUInt16LE(2, 16); // executable
  file.writeUInt16LE(62, 18); // x86-64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(base + BigInt(headerSize), 24); // entry
  file.writeBigUInt64LE(64n, 32); // program headers follow this one
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // one segment to load, readable and executable
  file.writeUInt32LE(5, 68);
  file.writeBigUInt64LE(base, 80);
  file.writeBigUInt64LE(base, 88);
  file.writeBigUInt64LE(size, 96);
  file.writeBigUInt64LE(size, 104);
  file.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([file, code]);
}
