// containerd stacks image layers with overlayfs. A module that is not loaded yet is fine: mounting loads it.
import { define, fail, ok, warn } from '../check.ts';
import { kernelConfig } from '../observation/kernel-config.ts';

export const overlayFileSystem = define({
  code: 'OVERLAY_FILE_SYSTEM',
  id: 'overlay-file-system',
  group: 'kernel',
  severity: 'blocking',
  dependsOn: ['KERNEL_VERSION'],
  async run(host) {
    const known = (await host.files.readText('/proc/filesystems')) ?? '';
    if (/\boverlay$/m.test(known)) return ok('/proc/filesystems: overlay');
    const config = await kernelConfig(host);
    const setting = config?.get('OVERLAY_FS');
    if (setting !== undefined) return ok(`CONFIG_OVERLAY_FS=${setting}`);
    return config === undefined
      ? warn('unknown', 'overlay ?', 'CONFIG_OVERLAY_FS=y|m')
      : fail('missing', 'CONFIG_OVERLAY_FS absent', 'CONFIG_OVERLAY_FS=y|m');
  },
});
