// regnodectl node remove: the host drains, cleans itself and is gone; told as it goes.
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import { isFailure, type Kubernetes } from '../kubernetes/kubernetes.ts';
import { finishRemoval } from '../nodes/removal.ts';
import { type RegisteredNode, registeredNodes } from '../resources/registered-node.ts';
import { connect, forEachOf, nameOf, selectNodes, sharedFlags, tellWould } from './context.ts';
import { drainForRemoval } from './drain-command.ts';
import { say } from './language.ts';
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
  readonly yes?: true;
  readonly dryRun?: true;
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
    .option('-y, --yes', 'do not ask (asked only in a terminal)')
    .option('--dry-run', 'print which nodes would be removed')
    .action(async (names: readonly string[], flags: Flags, command: Command) => {
      const { kubernetes } = await connect(command);
      const selected = await selectNodes(kubernetes, names, flags.pool);
      if (flags.dryRun) tellWould(selected, { en: 'would be removed', zh: '将被移除' });
      else {
        if (!flags.yes) await confirm(selected);
        await forEachOf(selected, Math.max(1, flags.parallel), (node) => remove(kubernetes, node, flags));
      }
      if (sharedFlags(command).json)
        printJson({ nodes: selected.map(nameOf), dryRun: flags.dryRun ?? false });
    });
}

/** A person at a terminal is asked once; a script has said what it wants. */
async function confirm(selected: readonly RegisteredNode[]): Promise<void> {
  if (!process.stdin.isTTY || selected.length === 0) return;
  const names = selected.map(({ metadata }) => metadata.name).join(', ');
  const question = say({
    en: `Remove ${names}? Their pods move away and their hosts are cleaned. [y/N] `,
    zh: `要移除 ${names} 吗？其 Pod 将被迁走，主机将被清理。[y/N] `,
  });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if (/^(y|yes|是)$/i.test((await terminal.question(question)).trim())) return;
  } finally {
    terminal.close();
  }
  throw new Fault('USAGE', { detail: 'not confirmed, nothing was changed' });
}

async function remove(kubernetes: Kubernetes, node: RegisteredNode, flags: Flags): Promise<void> {
  const { name, uid } = node.metadata;
  if (flags.force) {
    const { nodeObject } = await finishRemoval(kubernetes, node);
    if (nodeObject === 'left-alone') {
      tellProgress(
        say({
          en: `${name}: the Node of that name is not this registration's and stays`,
          zh: `${name}：同名 Node 不属于此注册，予以保留`,
        }),
      );
    }
    tellDone({
      en: `${name} is removed; should its host come back, run "regnode leave --force" there`,
      zh: `${name} 已移除；若主机恢复，请在其上运行 regnode leave --force`,
    });
    return;
  }
  // A budget's word is heard before anything is decided; a host that is away has nobody to wait for.
  if (flags.wait && node.status?.tunnel?.connected) await drainForRemoval(kubernetes, node, flags.timeout);
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
  let began = false;
  for (;;) {
    const current = await kubernetes.get(registeredNodes, name);
    if (!current || current.metadata.uid !== uid) return;
    const connected = current.status?.tunnel?.connected ?? false;
    // Its agent is stopped on the way: a host that had begun to leave is at it, not away.
    began ||= connected && current.metadata.deletionTimestamp !== undefined;
    const state = connected
      ? say({ en: 'leaving: draining, then the host cleans itself', zh: '正在退出：排空后由主机自行清理' })
      : began
        ? say({ en: 'its host cleans itself', zh: '主机正在自行清理' })
        : say({ en: 'its host is not connected, waiting for it', zh: '主机未连接，等待其恢复' });
    if (state !== told) tellProgress(`${name}: ${state}`);
    told = state;
    if (Date.now() > deadline) {
      const detail = connected || began ? 'it is still cleaning' : 'its host is not connected';
      throw new Fault('NODE_UNREACHABLE', { name, seconds: Math.round(timeoutMs / 1000), detail });
    }
    await sleep(pollMs);
  }
}
