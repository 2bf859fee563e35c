// A configuration that somebody left. Docker's package writes one that turns the kubelet's interface off
// (containerd#8139). regnode puts its own in its place, keeps the old one, and `leave` puts it back. Drop-ins
// in conf.d stay in force, so one that turns the interface off has to go.
import { paths } from '../../config/paths.ts';
import type { Host } from '../../host/host.ts';
import { define, fail, ok, warn } from '../check.ts';
import { beforeJoin } from '../opening.ts';

export const containerdConfiguration = define({
  code: 'CONTAINERD_CONFIGURATION',
  id: 'containerd-configuration',
  group: 'runtime',
  severity: 'blocking',
  dependsOn: ['FOREIGN_CONTAINERD'],
  run: beforeJoin(async (host) => {
    for (const dropIn of await dropIns(host)) {
      const disabled = disabledPlugins(await host.files.readText(dropIn));
      if (!namesCri(disabled)) continue;
      return fail('dropInDisablesCri', `${dropIn}: disabled_plugins = [${disabled}]`, 'cri', {
        path: dropIn,
      });
    }
    const path = paths.containerdConfiguration;
    const text = await host.files.readText(path);
    if (text === undefined) return ok('none');
    const disabled = disabledPlugins(text);
    return namesCri(disabled)
      ? warn('criDisabled', `${path}: disabled_plugins = [${disabled}]`, 'cri', { path })
      : warn('present', path, 'none', { path });
  }),
});

async function dropIns(host: Host): Promise<string[]> {
  const names = (await host.files.list(paths.containerdDropIns)) ?? [];
  return names.filter((name) => name.endsWith('.toml')).map((name) => `${paths.containerdDropIns}/${name}`);
}

function disabledPlugins(text: string | undefined): string {
  return /^\s*disabled_plugins\s*=\s*\[([^\]]*)\]/m.exec(text ?? '')?.[1]?.trim() ?? '';
}

function namesCri(disabled: string): boolean {
  return /["'](cri|io\.containerd\.grpc\.v1\.cri|io\.containerd\.cri\.v1\.(runtime|images))["']/.test(
    disabled,
  );
}
