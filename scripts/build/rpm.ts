// The RPM, made by Debian's rpmbuild from installer/regnode.spec. The payload lies where it does after
// install.sh, only flat (rpm replaces files one by one and knows each of them); the unit and the command go
// where packages have them. Equal input gives equal bytes: the time is that of the last change to the
// sources, the build host is fixed.
import { copyFile, mkdir, mkdtemp, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { output, run } from '../machine/command.ts';
import type { Progress } from '../machine/progress.ts';
import type { Payload } from './payload.ts';
import { mebibytes } from './tarball.ts';

export async function buildRpm(payload: Payload, release: string, progress: Progress): Promise<string> {
  const file = join(payload.out, `regnode-${payload.version}-${release}.x86_64.rpm`);
  await progress.step(`packing ${file}`, async () => {
    const work = await mkdtemp(join(tmpdir(), 'regnode-rpm-'));
    try {
      await stage(payload, join(work, 'tree'));
      await rpmbuild(payload, release, work);
      const made = join(work, 'rpms', `regnode-${payload.version}-${release}.x86_64.rpm`);
      await copyFile(made, `${file}.new`);
      await rename(`${file}.new`, file);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
  progress.line(`${file}: ${mebibytes((await stat(file)).size)} MiB`);
  return file;
}

async function stage(payload: Payload, tree: string): Promise<void> {
  const home = join(tree, 'opt/regnode');
  for (const folder of [
    'opt/regnode',
    'usr/bin',
    'usr/lib/systemd/system',
    'etc/regnode',
    'var/lib/regnode',
  ]) {
    await mkdir(join(tree, folder), { recursive: true });
  }
  await run('cp', ['-a', `${payload.runtime}/tree/.`, home]);
  await run('cp', ['-a', `${payload.program}/.`, home]);
  for (const name of ['install.sh', 'uninstall.sh', 'systemd']) {
    await rm(join(home, name), { recursive: true });
  }
  await run('chmod', ['-R', 'u=rwX,go=rX', tree]);
  await symlink('/opt/regnode/bin/regnode', join(tree, 'usr/bin/regnode'));
  await copyFile('systemd/regnode.service', join(tree, 'usr/lib/systemd/system/regnode.service'));
  await copyFile('installer/environment', join(tree, 'etc/regnode/environment'));
}

async function rpmbuild(payload: Payload, release: string, work: string): Promise<void> {
  const definitions = {
    _topdir: work,
    _rpmdir: join(work, 'rpms'),
    _build_name_fmt: '%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm',
    _buildhost: 'regnode.invalid',
    use_source_date_epoch_as_buildtime: '1',
    clamp_mtime_to_source_date_epoch: '1',
    tree: join(work, 'tree'),
    version_: payload.version,
    release_: release,
  };
  await run(
    'rpmbuild',
    [
      ...['-bb', '--quiet', '--target', 'x86_64-linux'],
      ...Object.entries(definitions).flatMap(([name, value]) => ['--define', `${name} ${value}`]),
      resolve('installer/regnode.spec'),
    ],
    { environment: { SOURCE_DATE_EPOCH: await sourceDate(), LC_ALL: 'C.UTF-8' }, timeoutMs: 10 * 60_000 },
  );
}

/** Seconds of the last commit; 0 in a tree without git. */
async function sourceDate(): Promise<string> {
  return (await output('git', ['log', '-1', '--format=%ct'], { allowFailure: true })) || '0';
}
