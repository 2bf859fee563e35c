// Whether the node's services answer: the kubelet on its health port, containerd on its socket. Asked for
// each heartbeat, so it costs two local connections and no process.
import { get } from 'node:http';
import { connect } from 'node:net';
import { paths } from '../../config/paths.ts';
import type { ServiceHealth } from './heartbeat.ts';

const timeoutMs = 2000;
const kubeletHealthUrl = 'http://127.0.0.1:10248/healthz';

export async function probeServices(): Promise<ServiceHealth> {
  const [kubeletHealthy, containerdHealthy] = await Promise.all([askKubelet(), askContainerd()]);
  return { kubeletHealthy, containerdHealthy };
}

function askKubelet(): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(kubeletHealthUrl, { timeout: timeoutMs, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
    request.on('close', () => resolve(false));
  });
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
