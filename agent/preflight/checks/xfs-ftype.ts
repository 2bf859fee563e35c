// overlayfs on XFS needs the file type in directory entries. Old installers made XFS without it, and it can
// only be set when the file system is made.
import { mountOf } from '../../host/mounts.ts';
import { define, fail, ok, skip, warn } from '../check.ts';

export const xfsFtype = define({
  code: 'XFS_FTYPE',
  id: 'xfs-ftype',
  group: 'resources',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const mount = mountOf(await host.files.resolve('/var/lib/containerd'), await host.mounts());
    if (mount?.fileSystem !== 'xfs') return skip('notNeeded', mount?.fileSystem ?? '');
    const { stdout } = await host.processes.run('xfs_info', [mount.path]);
    const ftype = /\bftype=(\d)/.exec(stdout)?.[1];
    const values = { path: mount.path, source: mount.source };
    if (ftype === undefined) return warn('unknown', `${mount.path}: ftype=?`, 'ftype=1', values);
    return ftype === '1'
      ? ok(`${mount.path}: ftype=1`, 'ftype=1')
      : fail('off', `${mount.path}: ftype=${ftype}`, 'ftype=1', values);
  },
});
