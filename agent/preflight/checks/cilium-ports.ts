// Cilium's agent runs in the host's network: VXLAN and health checks between nodes,
// the rest for the host alone.
import { define, fail, ok } from '../check.ts';
import { takenPorts } from '../observation/listeners.ts';
import { beforeJoin, forCilium } from '../opening.ts';

const udp = [8472];
const tcp = [4240, 4244, 9878, 9879, 9890, 9901, 9962, 9963, 9964];

export const ciliumPorts = define({
  code: 'CILIUM_PORTS',
  id: 'cilium-ports',
  group: 'cilium',
  severity: 'blocking',
  dependsOn: ['CLUSTER_LEFTOVERS'],
  run: forCilium(
    beforeJoin(async (host) => {
      const [takenUdp, takenTcp] = await Promise.all([
        takenPorts(host, 'udp', udp),
        takenPorts(host, 'tcp', tcp),
      ]);
      const holders = [
        ...takenUdp.map(({ port, holder }) => `${port}/udp: ${holder}`),
        ...takenTcp.map(({ port, holder }) => `${port}/tcp: ${holder}`),
      ].join(', ');
      const threshold = `udp ${udp.join(' ')}, tcp ${tcp.join(' ')}`;
      return holders === '' ? ok('none', threshold) : fail('taken', holders, threshold, { holders });
    }),
  ),
});
