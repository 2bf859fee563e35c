// Whether the node's services answer: the kubelet on its health port, containerd on its socket. Asked for
// each heartbeat, so it costs two local connections and no process.
import { connect } from 'node:net';
import { paths } from '../../config/paths.ts';
import type { Host, HostNetwork } from '../../host/host.ts';
import type { ServiceHealth } from './heartbeat.ts';

const timeoutMs = 2000;
const kubeletHealthUrl = 'http://127.0.0.1:10248/healthz';

export async function probeServices({ network }: Pick<Host, 'network'>): Promise<ServiceHealth> {
  const [kubeletHealthy, containerdHealthy] = await Promise.all([askKubelet(network), askContainerd()]);
  return { kubeletHealthy, containerdHealthy };
}

/** Of a kubelet, and not of whoever took its port while it was away. */
function askKubelet(network: Pick<HostNetwork, 'get'>): Promise<boolean> {
  return network.get(kubeletHealthUrl, { timeoutMs, rootOnly: true }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

/**
 * A frozen containerd still has a socket that accepts: that is found by the kubelet, whose health then fails.
 */
function askContainerd(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(paths.containerdSocket);
    const answer = (isHealthy: boolean) => {
      socket.destroy();
      resolve(isHealthy);
    };
    socket.setTimeout(timeoutMs, () => answer(false));
    socket.on('connect', () => answer(true));
    socket.on('error', () => answer(false));
  });
}
