// What another network left. Its configuration may win over Cilium's (the kubelet takes the first file by
// name) until Cilium renames it; devices that it left keep its routes alive.
import { define, ok, warn } from '../check.ts';
import { links } from '../observation/links.ts';
import { beforeJoin, forCilium } from '../opening.ts';

const folder = '/etc/cni/net.d';
const devices = /^(cni0|flannel|cali|tunl0$|vxlan\.calico|weave|kube-bridge|kube-ipvs0|ovn|nodelocaldns)/;

export const otherCni = define({
  code: 'OTHER_CNI',
  id: 'other-cni',
  group: 'cilium',
  severity: 'advisory',
  dependsOn: ['CLUSTER_LEFTOVERS'],
  run: forCilium(
    beforeJoin(async (host) => {
      const files = ((await host.files.list(folder)) ?? []).filter(
        (name) => /\.(conf|conflist|json)$/.test(name) && !name.includes('cilium'),
      );
      const left = ((await links(host)) ?? []).map((link) => link.name).filter((name) => devices.test(name));
      if (files.length > 0) {
        const paths = files.map((name) => `${folder}/${name}`).join(' ');
        return warn('files', paths, 'none', { paths });
      }
      return left.length > 0
        ? warn('devices', left.join(', '), 'none', { devices: left.join(' '), device: left[0] ?? '' })
        : ok('none');
    }),
  ),
});
