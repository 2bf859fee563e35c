// regnodectl node drain | remove: long work, told as it goes.
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { Fault } from '../../protocol/fault.ts';
import type { DrainResponse } from '../../protocol/join.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { changeNode } from '../nodes/changes.ts';
import { type DrainProgress, drain, stayReasons } from '../nodes/drain.ts';
import { type RegisteredNode, registeredNodes } from '../nodes/node.ts';
import { finishRemoval } from '../nodes/removal.ts';
import { connect, forEachOf, selectNodes, sharedFlags } from './context.ts';
import { say, type Text } from './language.ts';
import { tellDone } from './outcome.ts';
import { printJson, tellProgress } from './output.ts';
import { count, duration } from './parse.ts';

const pollMs = 500;

interface Flags {
  readonly pool?: string;
  readonly timeout: number;
  readonly parallel: number;
  readonly force?: true;
  readonly wait: boolean;
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
        await forEachOf(selected, Math.max(1, flags.parallel), async ({ metadata: { name } }) => {
          await changeNode(kubernetes, name, { unschedulable: true });
          const options = { timeoutMs: flags.timeout, evictUnmanaged: flags.force ?? false };
          const result = await drain(kubernetes, name, {
            ...options,
            progress: (event) => tellDrain(name, event),
          });
          results.push({ name, ...result });
          assertDrained(name, result);
          tellDone({ en: `${name} is drained`, zh: `${name} 已排空` });
        });
      }
      const dryRun = flags.dryRun ?? false;
      if (sharedFlags(command).json) printJson({ nodes: dryRun ? selected.map(nameOf) : results, dryRun });
    });
}

export function removeCommand(): Command {
  return new Command('remove')
    .description('drain a node, clean its host, and delete it from the cluster')
    .argument('[names...]')
    .option('--pool <pool>', 'all nodes of a pool')
    .option('--timeout <duration>', 'how long to wait for the host', duration, 600_000)
    .option('--parallel <n>', 'nodes at a time', count, 4)
    .option('--force', 'for a host that will not come back: delete it without waiting for it')
    .option('--no-wait', 'begin, and return')
    .option('--dry-run', 'print which nodes would be removed')
    .action(async (names: readonly string[], flags: Flags, command: Command) => {
      const { kubernetes } = await connect(command);
      const selected = await selectNodes(kubernetes, names, flags.pool);
      if (flags.dryRun) tellWould(selected, { en: 'would be removed', zh: '将被移除' });
      else await forEachOf(selected, Math.max(1, flags.parallel), (node) => remove(kubernetes, node, flags));
      if (sharedFlags(command).json)
        printJson({ nodes: selected.map(nameOf), dryRun: flags.dryRun ?? false });
    });
}

async function remove(kubernetes: Kubernetes, node: RegisteredNode, flags: Flags): Promise<void> {
  const { name, uid } = node.metadata;
  if (flags.force) {
    await finishRemoval(kubernetes, node);
    tellDone({
      en: `${name} is removed; should its host come back, run "regnode leave --force" there`,
      zh: `${name} 已移除；若主机恢复，请在其上运行 regnode leave --force`,
    });
    return;
  }
  try {
    await kubernetes.remove(registeredNodes, name, uid === undefined ? {} : { uid });
  } catch (error) {
    if (!isFailure(error, 'Conflict')) throw error;
  }
  if (!flags.wait) {
    tellDone({ en: `${name} is being removed`, zh: `正在移除 ${name}` });
    return;
  }
  await waitUntilGone(kubernetes, node, flags.timeout);
  tellDone({ en: `${name} is removed`, zh: `${name} 已移除` });
}

async function waitUntilGone(kubernetes: Kubernetes, node: RegisteredNode, timeoutMs: number): Promise<void> {
  const { name, uid } = node.metadata;
  const deadline = Date.now() + timeoutMs;
  let told = '';
  for (;;) {
    const current = await kubernetes.get(registeredNodes, name);
    if (!current || current.metadata.uid !== uid) return;
    const connected = current.status?.tunnel?.connected ?? false;
    const state = connected
      ? say({ en: 'leaving: draining, then the host cleans itself', zh: '正在退出：排空后由主机自行清理' })
      : say({ en: 'its host is not connected, waiting for it', zh: '主机未连接，等待其恢复' });
    if (state !== told) tellProgress(`${name}: ${state}`);
    told = state;
    if (Date.now() > deadline) {
      const detail = connected ? 'it is still cleaning' : 'its host is not connected';
      throw new Fault('NODE_UNREACHABLE', { name, seconds: Math.round(timeoutMs / 1000), detail });
    }
    await sleep(pollMs);
  }
}

function assertDrained(name: string, { remainingPods }: DrainResponse): void {
  const expected: readonly string[] = [stayReasons.mirror, stayReasons.daemonSet];
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

function tellWould(selected: readonly RegisteredNode[], text: Text): void {
  for (const { metadata } of selected) tellProgress(`${metadata.name} ${say(text)} (--dry-run)`);
}

const nameOf = ({ metadata }: RegisteredNode) => ({ name: metadata.name });
