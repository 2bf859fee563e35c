// Questions about pods, bounded: the gateway opens streams, and takes them back, as fast as the line carries
// them, and each question costs connections to the runtime, which the kubelet needs too. Streams to one pod
// share the question that is under way; of other pods some are asked about at a time, and more is refused.
import type { PodNetwork } from '../host/cri.ts';

/** Throws when the runtime does not answer. */
export type ReadPod = (uid: string) => Promise<PodNetwork | undefined>;

/** Of different pods: two connections to the runtime each. */
const questionsLimit = 32;
/** Streams, those that were taken back too. */
const waitingLimit = 1024;

export function boundedQuestions(readPod: ReadPod): ReadPod {
  const underWay = new Map<string, Promise<PodNetwork | undefined>>();
  let waiting = 0;

  function ask(uid: string): Promise<PodNetwork | undefined> {
    const asked = readPod(uid).finally(() => underWay.delete(uid));
    underWay.set(uid, asked);
    return asked;
  }

  return async (uid) => {
    const known = underWay.get(uid);
    if (waiting >= waitingLimit || (known === undefined && underWay.size >= questionsLimit))
      throw new Error('too many are asked for at once');
    waiting += 1;
    try {
      return await (known ?? ask(uid));
    } finally {
      waiting -= 1;
    }
  };
}
