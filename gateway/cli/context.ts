// What every regnodectl command shares: the flags that hold for all of them, the cluster, and the nodes that
// a command is about (named ones, or all of a pool).
import type { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { type ClusterConnection, connectCluster } from '../kubernetes/connect.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { nodePools } from '../resources/node-pool.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { say } from './language.ts';
import { tellProgress } from './output.ts';

export interface SharedFlags {
  readonly kubeconfig?: string;
  readonly json?: true;
}

export function sharedFlags(command: Command): SharedFlags {
  return command.optsWithGlobals<SharedFlags>();
}

export function connect(command: Command): Promise<ClusterConnection> {
  return connectCluster(sharedFlags(command).kubeconfig);
}

/** The named nodes, or all of `pool`; exactly one of the two must be given. */
export async function selectNodes(
  kubernetes: Kubernetes,
  names: readonly string[],
  pool: string | undefined,
): Promise<readonly RegisteredNode[]> {
  if (names.length > 0 === (pool !== undefined)) {
    throw new Fault('USAGE', { detail: 'give either names of nodes or --pool POOL' });
  }
  if (pool !== undefined) {
    const { items } = await kubernetes.list(registeredNodes, { labelSelector: `regnode.io/pool=${pool}` });
    if (items.length === 0 && !(await kubernetes.get(nodePools, pool)))
      throw new Fault('POOL_NOT_FOUND', { pool });
    return [...items].sort(byName);
  }
  return Promise.all([...new Set(names)].map((name) => requireNode(kubernetes, name)));
}

export async function requireNode(kubernetes: Kubernetes, name: string): Promise<RegisteredNode> {
  const node = await kubernetes.get(registeredNodes, name);
  if (!node) throw new Fault('NODE_NOT_FOUND', { name });
  return node;
}

/** Runs over all items, a few at a time; a failure stops what has not begun and is thrown at the end. */
export async function forEachOf<T>(
  items: readonly T[],
  parallel: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let failure: { error: unknown } | undefined;
  const worker = async () => {
    for (const item of queue) {
      if (failure) return;
      try {
        await run(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  if (failure) throw failure.error;
}

/** With --dry-run: which nodes a command is about. */
export function tellWould(selected: readonly RegisteredNode[], text: Text): void {
  for (const { metadata } of selected) tellProgress(`${metadata.name} ${say(text)} (--dry-run)`);
}

export const nameOf = ({ metadata }: RegisteredNode) => ({ name: metadata.name });

const byName = (a: RegisteredNode, b: RegisteredNode) => a.metadata.name.localeCompare(b.metadata.name, 'en');
