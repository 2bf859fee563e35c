// What finds the pods of registered nodes for the API server, put together from what the gateway knows.
import { PodWays } from '../egress/pod-ways.ts';
import type { Given } from './given.ts';

import type { Neighbours } from './neighbours.ts';
import type { Records } from './records.ts';
import type { Sessions } from './sessions.ts';
import type { Upkeep } from './upkeep.ts';

type Parts = Given & Records & Sessions & Neighbours & Upkeep;

export function openPodWays(parts: Parts): PodWays {
  const { kubernetes, view, book, serviceAt, replicas, counters, logger, now } = parts;
  return new PodWays({
    ...{ kubernetes, serviceAt, now },
    isRegistered: (node) => view.registered.get(node) !== undefined,
    isConnected: (node) => replicas.ways.session(node) !== undefined,
    ownerOf: (address) => book.ownerOf(address),
    isCloudNode: (address) => book.isOfCloudNode(address),
    podRanges: (node) => book.podRangesOf(node),
    onFailure: (error) => {
      counters.kubernetesErrors.inc({ kind: 'pods of a target' });
      logger.warn({ err: error }, 'whether a target is a pod could not be looked up: it is dialled directly');
    },
  });
}
