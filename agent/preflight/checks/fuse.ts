// Volumes of object storage are FUSE file systems.
import { define, ok, warn } from '../check.ts';
import { kernelConfig } from '../observation/kernel-config.ts';

export const fuse = define({
  code: 'FUSE',
  id: 'fuse',
  group: 'devices',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    if (await host.files.exists('/dev/fuse')) return ok('/dev/fuse');
    const setting = (await kernelConfig(host))?.get('FUSE_FS');
    return setting === undefined
      ? warn('missing', '/dev/fuse absent', 'CONFIG_FUSE_FS=y|m')
      : ok(`CONFIG_FUSE_FS=${setting}`);
  },
});
