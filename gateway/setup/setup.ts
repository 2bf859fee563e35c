// Prepares a cluster: namespace, CRDs, access. Every object is applied by server-side apply, so running it
// again, or running a newer release, changes only what differs. Ends when the CRDs can be used.
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { assertAuthority, createRoots } from '../join/roots.ts';
import { configMaps, customResourceDefinitions } from '../kubernetes/kinds.ts';
import { type Kubernetes, KubernetesFailure } from '../kubernetes/kubernetes.ts';
import { gatewayNamespace } from '../kubernetes/names.ts';
import { expelledConfigMap } from '../nodes/expelled.ts';
import { resourceDefinitions, resourceNames } from '../resources/definitions.ts';
import { accessObjects, ciliumAccessObjects, objectLabels } from './access.ts';
import { bringsCilium, withdrawCiliumRights } from './cilium-rights.ts';
import { peopleAccess } from './people.ts';

const establishedTimeoutMs = 60_000;
const pollMs = 250;
const startingGraceMs = 5_000;

export interface SetupOptions {
  /** Whether the gateway may bring Cilium; undefined: as the pools ask for it. */
  readonly cilium?: boolean;
  /** Makes a CA also where hosts trust one that is lost. */
  readonly newAuthority?: boolean;
}

/** `progress` hears each object's kind and name when it is applied. */
export async function setUpCluster(
  kubernetes: Kubernetes,
  progress: (line: string) => void,
  options: SetupOptions = {},
): Promise<void> {
  const withCilium = await bringsCilium(kubernetes, options.cilium);
  const objects = [
    ...accessObjects,
    ...(withCilium ? ciliumAccessObjects : []),
    ...peopleAccess(objectLabels),
  ];
  for (const { kind, object } of objects) {
    await kubernetes.apply(kind, object);
    const { name, namespace } = object.metadata;
    progress(`${kind.kind} ${namespace ? `${namespace}/` : ''}${name}`);
  }
  // Empty, so that whoever may write it needs no right to make ConfigMaps; what stands there stays.
  await kubernetes.apply(configMaps, {
    metadata: { name: expelledConfigMap, namespace: gatewayNamespace, labels: objectLabels },
  });
  progress(`ConfigMap ${gatewayNamespace}/${expelledConfigMap}`);
  if (!withCilium && (await withdrawCiliumRights(kubernetes)))
    progress('the right to start Cilium’s pods is taken away: no pool asks for Cilium');
  for (const definition of resourceDefinitions()) {
    await kubernetes.apply(customResourceDefinitions, definition);
    progress(`CustomResourceDefinition ${definition.metadata.name}`);
  }
  for (const name of resourceNames) await established(kubernetes, name);
  // All is there that a lost CA can be put back into.
  if (options.newAuthority) await createRoots(kubernetes, Date.now);
  else await assertAuthority(kubernetes);
}

/**
 * Throws NOT_SET_UP when `setup` has not been run in this cluster. An API server that starts
 * knows no CRDs for a moment.
 */
export async function assertSetUp(
  probe: () => Promise<unknown>,
  { graceMs = startingGraceMs }: { graceMs?: number } = {},
): Promise<void> {
  const deadline = Date.now() + graceMs;
  for (;;) {
    try {
      await probe();
      return;
    } catch (error) {
      if (!(error instanceof KubernetesFailure && error.status === 404)) throw error;
      if (Date.now() > deadline) {
        const missing = resourceNames[0] ?? '';
        throw new Fault('NOT_SET_UP', { missing }, { cause: error });
      }
    }
    await sleep(pollMs);
  }
}

async function established(kubernetes: Kubernetes, name: string): Promise<void> {
  const deadline = Date.now() + establishedTimeoutMs;
  for (;;) {
    const definition = await kubernetes.get(customResourceDefinitions, name);
    const condition = definition?.status?.conditions?.find(({ type }) => type === 'Established');
    if (condition?.status === 'True') return;
    if (Date.now() > deadline) {
      throw new Fault('KUBERNETES_UNREACHABLE', { detail: `the CRD ${name} does not become Established` });
    }
    await sleep(pollMs);
  }
}
