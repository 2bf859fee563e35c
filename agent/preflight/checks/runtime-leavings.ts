// Images and containers of an earlier containerd: ours would find and keep them, and start what was running.
import { define, ok, warn } from '../check.ts';
import { beforeJoin } from '../opening.ts';

const path = '/var/lib/containerd';

export const runtimeLeavings = define({
  code: 'RUNTIME_LEAVINGS',
  id: 'runtime-leavings',
  group: 'runtime',
  severity: 'advisory',
  dependsOn: ['FOREIGN_CONTAINERD'],
  run: beforeJoin(async (host) => {
    const plugins = ((await host.files.list(path)) ?? []).filter((name) => name.startsWith('io.containerd.'));
    return plugins.length === 0 ? ok('none') : warn('found', `${path}: ${plugins.length}`, 'none', { path });
  }),
});
