// regnode leave: drain, stop, undo, deregister. What belongs to somebody else by now is listed and is no
// failure. What could not be undone is a failure, and the next leave tries only that.
import { Command } from 'commander';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Text } from '../../protocol/catalogue/text.ts';
import { type LeavePhase, leaveNode } from '../node/leave.ts';
import { type CliContext, requireRoot, terminalFor } from './context.ts';
import { PhaseProgress } from './phase-progress.ts';

interface Flags {
  readonly force?: boolean;
  readonly recover?: boolean;
  readonly drain: boolean;
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
    .option('--force', 'without a reachable gateway, and past what fails')
    .option('--no-drain', 'do not wait until the pods have moved away')
    .option('--recover', 'give the host back although /var/lib/regnode is lost')
    .option('-y, --yes', 'accepted for scripts; nothing is ever asked')
    .option('--json', 'the result as JSON')
    .action(async ({ force = false, recover = false, drain }: Flags, command: Command) => {
      const terminal = terminalFor(context, command);
      requireRoot(context.host);
      const progress = new PhaseProgress(terminal, context.host.clock);
      const { kept, failed, drained } = await leaveNode(context.host, {
        force,
        recover,
        drain,
        signal: context.signal,
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
    });
}

const stays: Text = { en: 'stays: ', zh: '未撤销：' };
const gone: Text = { en: 'this host has left the cluster', zh: '此主机已退出集群' };
