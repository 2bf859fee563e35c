// Watching a rollout from outside: polls the pool's status, tells what happens node by node, and ends when it
// is done, stands still or takes too long.
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../protocol/catalogue/fault.ts';
import type { Kubernetes } from '../kubernetes/kubernetes.ts';
import { nodePools } from '../resources/node-pool.ts';
import type { RolloutStatus } from '../resources/rollout-status.ts';
import { say } from './language.ts';
import { tellDone } from './outcome.ts';
import { tellProgress } from './output.ts';

const pollMs = 1000;

export async function watchRollout(
  kubernetes: Kubernetes,
  pool: string,
  { generation, timeoutMs }: { generation: number; timeoutMs: number },
): Promise<RolloutStatus> {
  const deadlineMs = performance.now() + timeoutMs;
  let told = '';
  for (;;) {
    const rollout = (await kubernetes.get(nodePools, pool))?.status?.rollout;
    const isCurrent = rollout !== undefined && (rollout.generation ?? 0) >= generation;
    if (isCurrent) {
      const line = progressOf(rollout);
      if (line !== told) tellProgress(`${pool}: ${line}`);
      told = line;
      if (rollout.state === 'Done') return rollout;
      const isStill = rollout.state !== 'Progressing' && rollout.updating.length === 0;
      if (isStill) throw new Fault('ROLLOUT_PAUSED', { pool, detail: rollout.detail ?? rollout.state });
    }
    if (performance.now() > deadlineMs) {
      const { done = 0, total = 0 } = rollout ?? {};
      throw new Fault('ROLLOUT_TIMED_OUT', { pool, seconds: Math.round(timeoutMs / 1000), done, total });
    }
    await sleep(pollMs);
  }
}

export function tellRollout(pool: string, { done, total, failed }: RolloutStatus): void {
  const failures = failed.length === 0 ? '' : `, ${failed.map(({ node }) => node).join(', ')}`;
  tellDone({
    en: `${pool}: ${done} of ${total} nodes are done${failures && `${failures} took the version back`}`,
    zh: `${pool}：${total} 个节点中完成 ${done} 个${failures && `${failures} 已退回`}`,
  });
}

/** One line, also for `pool get`. */
export function progressOf(rollout: RolloutStatus): string {
  const { state, done, total, updating, failed, unreachable, detail } = rollout;
  const parts = [
    say({ en: `${done} of ${total} done`, zh: `完成 ${done}/${total}` }),
    ...(updating.length > 0
      ? [say({ en: `now: ${updating.join(', ')}`, zh: `进行中：${updating.join(', ')}` })]
      : []),
    ...failed.map(({ node, code }) => `${node} ${code}`),
    ...(unreachable.length > 0
      ? [say({ en: `not reachable: ${unreachable.join(', ')}`, zh: `不可达：${unreachable.join(', ')}` })]
      : []),
    ...(detail && failed.length === 0 ? [detail] : []),
  ];
  return `${state}, ${parts.join('; ')}`;
}
