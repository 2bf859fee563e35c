// The pods' network: a configuration that containerd can use, and the programs that it names. The first file
// by name is the one that counts.
import { paths } from '../../config/paths.ts';
import { define, fail, ok } from '../../preflight/check.ts';
import { networkFiles, pluginsOf } from '../../preflight/observation/pod-network.ts';

export const cniConfiguration = define({
  code: 'CNI_CONFIGURATION',
  id: 'cni-configuration',
  group: 'node',
  severity: 'blocking',
  dependsOn: [],
  async run(host) {
    const folder = paths.cniConfiguration;
    const [file] = await networkFiles(host);
    if (file === undefined) return fail('none', `${folder}: none`, '≥ 1', { folder });
    const path = `${folder}/${file}`;
    const plugins = pluginsOf((await host.files.readText(path, 1024 * 1024)) ?? '');
    if (plugins === undefined) return fail('unreadable', path, 'JSON', { path });
    const missing: string[] = [];
    for (const plugin of plugins) {
      if (!(await host.files.exists(`${paths.cniBinaries}/${plugin}`))) missing.push(plugin);
    }
    const values = { path, plugins: missing.join(', '), folder: paths.cniBinaries };
    return missing.length === 0
      ? ok(`${file}: ${plugins.join(', ')}`)
      : fail('noPlugin', missing.join(', '), paths.cniBinaries, values);
  },
});
