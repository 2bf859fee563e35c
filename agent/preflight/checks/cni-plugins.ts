// In a pool that brings its own network, containerd takes the first configuration by name. One that an
// earlier network left, whose plugin went with it, wins over the one that comes: no pod gets an address.
import { paths } from '../../config/paths.ts';
import type { Host } from '../../host/host.ts';
import { define, ok, skip, warn } from '../check.ts';
import { networkFiles, pluginsOf } from '../observation/pod-network.ts';
import { beforeJoin } from '../opening.ts';

/** What regnode brings: the plugins of containernetworking/plugins 1.x. */
const brought = new Set(
  'bandwidth bridge dhcp dummy firewall host-device host-local ipvlan loopback macvlan portmap ptp sbr static tap tuning vlan vrf'.split(
    ' ',
  ),
);

export const cniPlugins = define({
  code: 'CNI_PLUGINS',
  id: 'cni-plugins',
  group: 'runtime',
  severity: 'advisory',
  dependsOn: ['CLUSTER_LEFTOVERS'],
  run: beforeJoin(async (host, { networkMode }) => {
    if (networkMode !== 'external') return skip('notNeeded', `network: ${networkMode}`);
    const [first] = await networkFiles(host);
    if (first === undefined) return ok('none');
    const path = `${paths.cniConfiguration}/${first}`;
    const missing = await missingPlugins(host, (await host.files.readText(path)) ?? '');
    return missing.length === 0
      ? ok(path)
      : warn('missing', `${path}: ${missing.join(', ')}`, paths.cniBinaries, {
          path,
          missing: missing.join(', '),
          folder: paths.cniBinaries,
        });
  }),
});

/** Of a file that is no configuration nothing is missing: containerd passes it over. */
async function missingPlugins(host: Host, text: string): Promise<readonly string[]> {
  const types = pluginsOf(text) ?? [];
  const there = new Set(await host.files.list(paths.cniBinaries));
  return [...new Set(types)].filter((type) => !brought.has(type) && !there.has(type));
}
