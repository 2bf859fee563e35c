// Cilium keeps its maps under /sys/fs/bpf, so that connections survive a restart of its agent.
import { mountOf } from '../../host/mounts.ts';
import { define, ok, skip, warn } from '../check.ts';

const path = '/sys/fs/bpf';

export const bpfFileSystem = define({
  code: 'BPF_FILE_SYSTEM',
  id: 'bpf-file-system',
  group: 'cilium',
  severity: 'advisory',
  dependsOn: ['CILIUM_KERNEL'],
  async run(host, { networkMode }) {
    if (networkMode !== 'cilium') return skip('notCilium');
    const mount = mountOf(path, await host.mounts());
    return mount?.path === path && mount.fileSystem === 'bpf'
      ? ok(`${path}: bpf`)
      : warn('unmounted', `${path}: ${mount?.fileSystem ?? 'none'}`, 'bpf', { path });
  },
});
