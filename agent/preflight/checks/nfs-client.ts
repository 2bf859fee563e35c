// Volumes of shared file storage are mounted by the host's own mount.nfs.
import { define, ok, warn } from '../check.ts';

const programs = ['/sbin/mount.nfs', '/usr/sbin/mount.nfs'];

export const nfsClient = define({
  code: 'NFS_CLIENT',
  id: 'nfs-client',
  group: 'devices',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const found = await Promise.all(programs.map((path) => host.files.exists(path)));
    const program = programs.find((_, index) => found[index]);
    return program === undefined ? warn('missing', 'mount.nfs absent', 'mount.nfs') : ok(program);
  },
});
