// A configuration that somebody left. Docker's package writes one that turns the kubelet's interface off
// (containerd#8139). regnode puts its own in its place, keeps the old one, and `leave` puts it back.
import { define, ok, skip, warn } from '../check.ts';
import { isJoined } from '../observation/joined.ts';

const path = '/etc/containerd/config.toml';

export const containerdConfiguration = define({
  code: 'CONTAINERD_CONFIGURATION',
  id: 'containerd-configuration',
  group: 'runtime',
  severity: 'advisory',
  dependsOn: ['FOREIGN_CONTAINERD'],
  async run(host) {
    if (await isJoined(host)) return skip('joined');
    const text = await host.files.readText(path);
    if (text === undefined) return ok('none');
    const disabled = /^\s*disabled_plugins\s*=\s*\[([^\]]*)\]/m.exec(text)?.[1] ?? '';
    return /["'](cri|io\.containerd\.grpc\.v1\.cri)["']/.test(disabled)
      ? warn('criDisabled', `${path}: disabled_plugins = [${disabled.trim()}]`, 'cri', { path })
      : warn('present', path, 'none', { path });
  },
});
