// regnodectl node drain: long work, told as it goes.
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { type DrainResponse, stayReasons } from '../../protocol/messages/join.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { changeNode } from '../nodes/changes.ts';
import { drain } from '../nodes/drain.ts';
import type { DrainProgress } from '../nodes/node-drain.ts';
import type { RegisteredNode } from '../resources/registered-node.ts';
import { connect, forEachOf, nameOf, selectNodes, sharedFlags, tellWould } from './context.ts';
import { say } from './language.ts';
import { tellDone } from './outcome.ts';
import { printJson, tellProgress } from './output.ts';
import { count, duration } from './parse.ts';

interface Flags {
  readonly pool?: string;
  readonly timeout: number;
  readonly parallel: number;
  readonly force?: true;
  readonly dryRun?: true;
}

export function drainCommand(): Command {
  return new Command('drain')
    .description('cordon a node and move its pods away')
    .argument('[names...]')
    .option('--pool <pool>', 'all nodes of a pool')
    .option('--timeout <duration>', 'for each node', duration, 300_000)
    .option('--parallel <n>', 'nodes at a time', count, 1)
    .option('--force', 'also pods that no controller would make again')
    .option('--dry-run', 'print which nodes would be drained')
    .action(async (names: readonly string[], flags: Flags, command: Command) => {
      const { kubernetes } = await connect(command);
      const selected = await selectNodes(kubernetes, names, flags.pool);
      const results: ({ name: string } & DrainResponse)[] = [];
      if (flags.dryRun) tellWould(selected, { en: 'would be drained', zh: '将被排空' });
      else {
        await forEachOf(selected, Math.max(1, flags.parallel), async (node) => {
          const { name } = node.metadata;
          const evictUnmanaged = flags.force ?? false;
          const result = await drainNode(kubernetes, node, flags.timeout, evictUnmanaged);
          results.push({ name, ...result });
          assertDrained(name, result);
          tellDone({ en: `${name} is drained`, zh: `${name} 已排空` });
        });
      }
      const dryRun = flags.dryRun ?? false;
      if (sharedFlags(command).json) printJson({ nodes: dryRun ? selected.map(nameOf) : results, dryRun });
    });
}

/** Before a removal: pods that only take long, on a host whose kubelet is dead say, keep nobody. */
export async function drainForRemoval(
  kubernetes: Kubernetes,
  node: RegisteredNode,
  timeoutMs: number,
): Promise<void> {
  const result = await drainNode(kubernetes, node, timeoutMs, true);
  assertDrained(node.metadata.name, result, [stayReasons.terminating]);
}

async function drainNode(
  kubernetes: Kubernetes,
  node: RegisteredNode,
  timeoutMs: number,
  evictUnmanaged: boolean,
): Promise<DrainResponse> {
  const { name } = node.metadata;
  await changeNode(kubernetes, name, { unschedulable: true });
  const progress = (event: DrainProgress) => tellDrain(name, event);
  return drain(kubernetes, node, { timeoutMs, evictUnmanaged, progress });
}

function assertDrained(
  name: string,
  { remainingPods }: DrainResponse,
  mayStay: readonly string[] = [],
): void {
  const expected: readonly string[] = [stayReasons.mirror, stayReasons.daemonSet, ...mayStay];
  const stuck = remainingPods.filter(({ reason }) => !expected.includes(reason));
  if (stuck.length === 0) return;
  const pods = stuck.map(({ pod, reason }) => `${pod} (${reason})`).join(', ');
  throw new Fault('DRAIN_INCOMPLETE', { name, count: stuck.length, pods });
}

function tellDrain(name: string, event: DrainProgress): void {
  const text: Text = (() => {
    switch (event.kind) {
      case 'cordoned':
        return { en: 'cordoned', zh: '已停止调度' };
      case 'evicting':
        return { en: `evicting ${event.pods.length} pod(s)`, zh: `正在驱逐 ${event.pods.length} 个 Pod` };
      case 'gone':
        return {
          en: `${event.pod} is gone, ${event.left} left`,
          zh: `${event.pod} 已迁走，剩余 ${event.left}`,
        };
      case 'refused':
        return {
          en: `${event.pod} stays for now: ${event.reason}`,
          zh: `${event.pod} 暂不能迁走：${event.reason}`,
        };
    }
  })();
  tellProgress(`${name}: ${say(text)}`);
}
