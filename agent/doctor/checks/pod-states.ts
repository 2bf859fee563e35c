// Pods of this node that the node can't bring to life. What fails inside of a container (it
// ends again and again) is its owner's and only mentioned; a container that is not even made
// after two minutes is the node's.
import { define, fail, ok, skip, warn } from '../../preflight/check.ts';
import { namesOf, type Pod, readPods, waitings } from '../observation/cluster.ts';

const patienceMs = 2 * 60_000;
const ownersReasons = /^(CrashLoopBackOff|CreateContainerConfigError)$/;
const nodesReasons = /^(ContainerCreating|PodInitializing|CreateContainerError|RunContainerError)$/;

export const podStates = define({
  code: 'POD_STATES',
  id: 'pod-states',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['API_SERVER_ANSWER', 'KUBELET_HEALTH', 'CONTAINERD_ANSWER', 'CNI_CONFIGURATION', 'NODE_DISK'],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    const pods = await readPods(host, node);
    if (pods === undefined) return skip('notAsked');
    const now = host.clock.nowMs();
    const isOld = (pod: Pod) => now - Date.parse(pod.metadata.creationTimestamp) > patienceMs;
    const stuck = pods.filter((pod) => isOld(pod) && has(pod, nodesReasons));
    const [first] = stuck;
    if (first !== undefined) return fail('stuck', ...about(first, stuck.length, nodesReasons));
    const failing = pods.filter((pod) => has(pod, ownersReasons));
    const [failed] = failing;
    if (failed !== undefined) return warn('failing', ...about(failed, failing.length, ownersReasons));
    const evicted = pods.filter(({ status }) => status.reason === 'Evicted');
    const [gone] = evicted;
    if (gone !== undefined) {
      const values = { ...namesOf(gone), count: evicted.length };
      return warn('evicted', `${evicted.length}`, '0', values);
    }
    return ok(`${pods.filter(({ status }) => status.phase === 'Running').length} / ${pods.length}`);
  },
});

function has(pod: Pod, reasons: RegExp): boolean {
  return waitings(pod).some(({ reason }) => reasons.test(reason));
}

function about(pod: Pod, count: number, reasons: RegExp) {
  const waiting = waitings(pod).find(({ reason }) => reasons.test(reason));
  const reason = waiting?.reason ?? '?';
  const detail = (waiting?.message || reason).slice(0, 300);
  const names = namesOf(pod);
  return [`${names.pod}: ${reason}`, 'Running', { ...names, reason, detail, count }] as const;
}
