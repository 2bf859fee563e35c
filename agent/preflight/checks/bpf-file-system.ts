// Cilium keeps its maps under /sys/fs/bpf, so that connections survive a restart of its agent.
import { mountOf } from '../../host/mounts.ts';
import { define, ok, warn } from '../check.ts';
import { forCilium } from '../opening.ts';

const path = '/sys/fs/bpf';

export const bpfFileSystem = define({
  code: 'BPF_FILE_SYSTEM',
  id: 'bpf-file-system',
  group: 'cilium',
  severity: 'advisory',
  dependsOn: ['CILIUM_KERNEL'],
  run: forCilium(async (host) => {
    const mount = mountOf(path, await host.mounts());
    return mount?.path === path && mount.fileSystem === 'bpf'
      ? ok(`${path}: bpf`)
      : warn('unmounted', `${path}: ${mount?.fileSystem ?? 'none'}`, 'bpf', { path });
  }),
});
