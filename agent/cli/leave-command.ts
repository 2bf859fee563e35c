// regnode leave: drain, stop, undo, deregister. A person at a terminal is asked first. Pods that may not be
// moved away keep the host in the cluster, unless the command says otherwise. What is somebody else's now is
// listed and is not a failure; what could not be undone is one, and the next leave tries only that.
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import type { Terminal } from '../../protocol/cli/terminal.ts';
import type { DrainResponse } from '../../protocol/messages/join.ts';
import type { Host } from '../host/host.ts';
import { stuckOf } from '../node/drain.ts';
import { type LeavePhase, leaveNode, planLeave } from '../node/leave.ts';
import { lostState, readNode } from '../plan/recovery.ts';
import { readState } from '../state/state.ts';
import { type CliContext, requireRoot, terminalFor } from './context.ts';
import { parseDuration } from './durations.ts';
import { PhaseProgress } from './phase-progress.ts';

interface Flags {
  readonly force?: boolean;
  readonly recover?: boolean;
  readonly drain: boolean;
  readonly drainTimeout?: number;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

const titles: Readonly<Record<LeavePhase, Text>> = {
  wait: { en: "wait for the agent's round to end", zh: '等待代理当前轮次结束' },
  drain: { en: 'drain the node', zh: '驱逐节点上的 Pod' },
  stop: { en: 'stop pods and services', zh: '停止 Pod 与服务' },
  undo: { en: 'undo every change', zh: '撤销所有改动' },
  deregister: { en: 'deregister at the gateway', zh: '从网关注销' },
  forget: { en: 'remove the identity', zh: '移除节点身份' },
};

export function leaveCommand(context: CliContext): Command {
  return new Command('leave')
    .description('take this host out of the cluster and give it back as it was')
    .option('--force', 'without a reachable gateway, and past what fails: pods that may not be moved end too')
    .option('--no-drain', 'do not wait until the pods have moved away: they end with the host')
    .option('--drain-timeout <duration>', 'how long pods may take to go (default 5m)', parseDuration)
    .option('--recover', 'give the host back although /var/lib/regnode is lost')
    .option('-y, --yes', 'do not ask (asked only in a terminal)')
    .option('--dry-run', 'print what would become of the pods and what would be undone; changes nothing')
    .option('--json', 'the result as JSON')
    .action(async (flags: Flags, command: Command) => {
      const terminal = terminalFor(context, command);
      requireRoot(context.host);
      if (flags.dryRun) return tellPlan(context, terminal);
      await confirm(context, terminal, flags);
      await leave(context, terminal, flags);
    });
}

async function leave(context: CliContext, terminal: Terminal, flags: Flags): Promise<void> {
  const { force = false, recover = false, drain, drainTimeout } = flags;
  const progress = new PhaseProgress(terminal, context.host.clock);
  const { kept, failed, drained } = await leaveNode(context.host, {
    force,
    recover,
    drain,
    ...(drainTimeout === undefined ? {} : { drainTimeoutMs: drainTimeout }),
    signal: context.signal,
    onDrain: tellDrain(terminal, progress),
    onPhase: (phase) => progress.phase(phase, terminal.say(titles[phase])),
  });
  progress.end();
  for (const { pod, reason } of drained?.remainingPods ?? []) terminal.note(`     ${pod}: ${reason}`);
  for (const line of kept) terminal.progress('skip', `${terminal.say(stays)}${line}`);
  if (failed.length > 0) {
    for (const line of failed) terminal.progress('fail', `${terminal.say(stays)}${line}`);
    throw new Fault('LEAVE_INCOMPLETE', { count: failed.length, detail: failed.join('; ') });
  }
  terminal.progress('ok', terminal.say(gone));
  terminal.resultJson({ outcome: 'left', kept, drained: drained ?? null, phases: progress.phases });
}

/** A script has said what it wants. */
async function confirm({ host, ask }: CliContext, terminal: Terminal, flags: Flags): Promise<void> {
  if (ask === undefined || flags.yes || flags.json) return;
  const question = await questionFor(host, flags);
  if (question === undefined) return;
  if (/^(y|yes|是)$/i.test((await ask(terminal.say(question))).trim())) return;
  throw new Fault('USAGE', { detail: 'not confirmed, nothing was changed' });
}

/** undefined when there is nothing to take away, which the leave tells. */
async function questionFor(host: Host, { drain, recover }: Flags): Promise<Text | undefined> {
  const state = await readState(host).catch(() => undefined);
  if (state === undefined && recover && (await lostState(host)) !== undefined) {
    const { nodeName: node } = await readNode(host);
    return {
      en: `Give this host (${node}) back although its state is lost? Its pods end, and the gateway is not told. [y/N] `,
      zh: `本机（${node}）的状态已丢失，仍要恢复原样吗？其 Pod 将终止，且不会通知网关。[y/N] `,
    };
  }
  if (state === undefined) return undefined;
  const { nodeName: node, pool } = state.identity;
  return {
    en: `Take ${node} out of pool ${pool}? Its pods ${drain ? 'move away' : 'end'}, and the host is given back. [y/N] `,
    zh: `要让 ${node} 退出节点池 ${pool} 吗？其 Pod 将${drain ? '被迁走' : '终止'}，主机将恢复原样。[y/N] `,
  };
}

/** Each pod that goes, and each that may not go yet, once. */
function tellDrain(terminal: Terminal, progress: PhaseProgress): (seen: DrainResponse) => void {
  const told = new Set<string>();
  const tell = (text: Text) => {
    if (told.has(text.en)) return;
    told.add(text.en);
    progress.detail(terminal.say(text));
  };
  return (seen) => {
    for (const pod of seen.evictedPods) tell({ en: `${pod} is gone`, zh: `${pod} 已迁走` });
    for (const { pod, reason } of stuckOf(seen))
      tell({ en: `${pod} is still here: ${reason}`, zh: `${pod} 尚未迁走：${reason}` });
  };
}

async function tellPlan(context: CliContext, terminal: Terminal): Promise<void> {
  const { nodeName = '-', pods, fault, undone } = await planLeave(context.host, context.signal);
  const stuck = pods === undefined ? [] : stuckOf(pods);
  const lines = [
    ...(pods?.evictedPods ?? []).map((pod) => ({ en: `moves away: ${pod}`, zh: `将迁走：${pod}` })),
    ...(pods?.remainingPods ?? []).map(({ pod, reason }) => ({
      en: `stays until the end: ${pod} (${reason})`,
      zh: `保留到最后：${pod}（${reason}）`,
    })),
    ...undone.map((key) => ({ en: `undone: ${key}`, zh: `将撤销：${key}` })),
  ];
  for (const line of lines) terminal.result(`${terminal.say(line)}\n`);
  const wouldLeave = stuck.length === 0;
  terminal.resultJson({ node: nodeName, dryRun: true, pods: pods ?? null, undone, wouldLeave });
  if (fault !== undefined)
    terminal.progress('skip', `${fault.code}: ${fault.explain(terminal.language).message}`);
  if (!wouldLeave) {
    const names = stuck.map(({ pod, reason }) => `${pod} (${reason})`).join(', ');
    terminal.progress(
      'skip',
      terminal.say({ en: `it would not leave now: ${names}`, zh: `目前无法退出：${names}` }),
    );
  }
  terminal.progress(
    'ok',
    terminal.say({ en: 'nothing was changed (--dry-run)', zh: '未做任何更改（--dry-run）' }),
  );
}

const stays: Text = { en: 'stays: ', zh: '未撤销：' };
const gone: Text = { en: 'this host has left the cluster', zh: '此主机已退出集群' };
