// The kubelet's ports, and kube-proxy's when the cluster brings its own network.
import { define, fail, ok } from '../check.ts';
import { takenPorts } from '../observation/listeners.ts';
import { beforeJoin } from '../opening.ts';

const ofKubelet = [10250, 10248];
const ofKubeProxy = [10256, 10249];

export const portsFree = define({
  code: 'PORTS_FREE',
  id: 'ports-free',
  group: 'firewall',
  severity: 'blocking',
  dependsOn: ['CLUSTER_LEFTOVERS'],
  run: beforeJoin(async (host, { networkMode }) => {
    const wanted = networkMode === 'cilium' ? ofKubelet : [...ofKubelet, ...ofKubeProxy];
    const taken = await takenPorts(host, 'tcp', wanted);
    const threshold = `tcp ${wanted.join(' ')}`;
    const [first] = taken;
    if (first === undefined) return ok(wanted.join(' '), threshold);
    const holders = taken.map(({ port, holder }) => `${port}: ${holder}`).join(', ');
    return fail('taken', holders, threshold, { holders, port: first.port });
  }),
});
