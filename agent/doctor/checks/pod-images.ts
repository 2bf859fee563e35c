// Pods of this node whose image does not come: the registry's answer, in the kubelet's words.
import { define, fail, ok, skip } from '../../preflight/check.ts';
import { namesOf, readPods, waitings } from '../observation/cluster.ts';

const reasons =
  /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|ImageInspectError|RegistryUnavailable)$/;

export const podImages = define({
  code: 'POD_IMAGES',
  id: 'pod-images',
  group: 'node',
  severity: 'blocking',
  dependsOn: ['API_SERVER_ANSWER', 'CONTAINERD_ANSWER', 'KUBELET_HEALTH'],
  async run(host, { node }) {
    if (node === undefined) return skip('notNeeded');
    const pods = await readPods(host, node);
    if (pods === undefined) return skip('notAsked');
    const stuck = pods.flatMap((pod) =>
      waitings(pod)
        .filter(({ reason }) => reasons.test(reason))
        .map((waiting) => ({ ...namesOf(pod), ...waiting })),
    );
    const [first] = stuck;
    if (first === undefined) return ok(`${pods.length}`);
    const { pod, image, reason, message, namespace, name } = first;
    const detail = (message || reason).slice(0, 300);
    const values = { pod, namespace, name, image, reason, detail, count: stuck.length };
    return fail('notPulled', `${pod}: ${reason}`, image, values);
  },
});
