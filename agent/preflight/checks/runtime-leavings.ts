// Images and containers of an earlier containerd: ours would find and keep them, and start what was running.
import { define, ok, skip, warn } from '../check.ts';
import { isJoined } from '../observation/joined.ts';

const path = '/var/lib/containerd';

export const runtimeLeavings = define({
  code: 'RUNTIME_LEAVINGS',
  id: 'runtime-leavings',
  group: 'runtime',
  severity: 'advisory',
  dependsOn: ['FOREIGN_CONTAINERD'],
  async run(host) {
    if (await isJoined(host)) return skip('joined');
    const plugins = ((await host.files.list(path)) ?? []).filter((name) => name.startsWith('io.containerd.'));
    return plugins.length === 0 ? ok('none') : warn('found', `${path}: ${plugins.length}`, 'none', { path });
  },
});
