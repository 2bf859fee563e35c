// What the gateway may reach through this agent: the kubelet, and the pods that run here. A pod is named by
// its uid, and the runtime says whether it runs here and has that address: nothing else of the host or of its
// networks can be named. A pod in the host's network is reached at a port that it declares, and never at one
// of the node's own.
import { Fault } from '../../protocol/catalogue/fault.ts';
import { type PodTarget, parsePodTarget } from '../../protocol/tunnel/pod-target.ts';
import {
  apiServerListenAddress,
  type ResolveTarget,
  type TargetAddress,
} from '../../protocol/tunnel/targets.ts';
import { paths } from '../config/paths.ts';
import { type PodNetwork, readPodNetwork } from '../host/cri.ts';
import type { Host } from '../host/host.ts';
import { boundedQuestions, type ReadPod } from './pod-questions.ts';

export const kubeletAddress: TargetAddress = { host: '127.0.0.1', port: 10250 };

/** The kubelet's other port, and that of Cilium's health: who answers there speaks for the node. */
const ownPorts: ReadonlySet<number> = new Set([
  kubeletAddress.port,
  apiServerListenAddress.port,
  10248,
  9879,
]);
const askTimeoutMs = 5_000;

const askRuntime: ReadPod = (uid) => readPodNetwork(paths.containerdSocket, uid, askTimeoutMs);

export function ownTargets(host: Pick<Host, 'network'>, readPod: ReadPod = askRuntime): ResolveTarget {
  const ask = boundedQuestions(readPod);
  return ({ target }) => {
    if (target === 'kubelet') return kubeletAddress;
    const pod = parsePodTarget(target);
    return pod && addressOf(pod, target, host, ask);
  };
}

async function addressOf(
  { uid, address, port }: PodTarget,
  target: string,
  { network }: Pick<Host, 'network'>,
  readPod: ReadPod,
): Promise<TargetAddress | Fault> {
  const unreachable = (detail: string) => new Fault('TUNNEL_TARGET_UNREACHABLE', { target, detail });
  let pod: PodNetwork | undefined;
  try {
    pod = await readPod(uid);
  } catch (error) {
    return unreachable(`the runtime does not say whether the pod runs here: ${(error as Error).message}`);
  }
  if (pod === undefined) return unreachable('no such pod runs on this node');
  if (!pod.isOfHost) {
    return pod.addresses.includes(address)
      ? { host: address, port }
      : unreachable('the pod has another address');
  }
  if (ownPorts.has(port)) return unreachable("that port is the node's own");
  if (!pod.ports.includes(port))
    return unreachable('the pod is in the network of the host and declares no such port');
  const interfaces = await network.interfaces().catch(() => []);
  const isOwn = interfaces.some(({ addresses }) => addresses.some((one) => one.split('/')[0] === address));
  return isOwn && !address.startsWith('127.') && address !== '::1'
    ? { host: address, port }
    : unreachable('the pod has the addresses of this node, and that is none');
}
