// The agent listens for the kubelet on a port that only root can take, also while the agent is away.
import { apiServerListenAddress } from '../../../protocol/tunnel/targets.ts';
import { define, ok, warn } from '../check.ts';

/** Kernels before 4.11 know no other. */
const usual = 1024;

export const privilegedPorts = define({
  code: 'PRIVILEGED_PORTS',
  id: 'privileged-ports',
  group: 'kernel',
  severity: 'advisory',
  dependsOn: [],
  async run(host) {
    const { port } = apiServerListenAddress;
    const first = Number((await host.sysctl('net.ipv4.ip_unprivileged_port_start'))?.trim() || usual);
    const threshold = `> ${port}`;
    return first > port ? ok(`${first}`, threshold) : warn('open', `${first}`, threshold, { first });
  },
});
