// The host's own networks and those of pods and services must be apart, or packets go to the wrong one.
import { define, fail, ok, skip } from '../check.ts';
import { overlaps } from '../observation/addresses.ts';

export const networkOverlap = define({
  code: 'NETWORK_OVERLAP',
  id: 'network-overlap',
  group: 'line',
  severity: 'blocking',
  dependsOn: [],
  async run(host, { clusterCidrs }) {
    if (clusterCidrs === undefined || clusterCidrs.length === 0) return skip('noRanges');
    const interfaces = (await host.network.interfaces()).filter(
      (one) => !/^(lo|cni|cilium|lxc)/.test(one.name),
    );
    for (const { name, addresses } of interfaces) {
      for (const address of addresses) {
        const range = clusterCidrs.find((one) => overlaps(one, address));
        if (range !== undefined) {
          return fail('overlap', `${name}: ${address} overlaps ${range}`, 'apart', {
            device: name,
            address,
            range,
          });
        }
      }
    }
    return ok(clusterCidrs.join(', '));
  },
});
