// Pods before a leave: told as they go, and a budget that lets none go keeps the host in its cluster, unless
// the command says otherwise. The clock turns by what the gateway was given to wait.
import { expect, test } from 'vitest';
import { drainBeforeLeave } from '../../../../agent/node/drain.ts';
import { Fault } from '../../../../protocol/catalogue/fault.ts';
import type { DrainResponse } from '../../../../protocol/messages/join.ts';

const budget = 'The disruption budget web needs 2 healthy pods and has 2 currently';
const held: DrainResponse = {
  evictedPods: [],
  remainingPods: [
    { pod: 'default/web', reason: budget },
    { pod: 'kube-system/proxy', reason: 'DaemonSet' },
  ],
};
const gone: DrainResponse = {
  evictedPods: ['default/web'],
  remainingPods: [{ pod: 'kube-system/proxy', reason: 'DaemonSet' }],
};

function cloud(answers: readonly (DrainResponse | Fault)[], unschedulable = false) {
  let nowMs = 0;
  const waits: number[] = [];
  const seen: DrainResponse[] = [];
  let uncordoned = 0;
  const gateway = {
    status: async () => ({ nodeName: 'idc-1', unschedulable }) as never,
    drain: async (_signal?: AbortSignal, waitMs = 0) => {
      waits.push(waitMs);
      nowMs += Math.max(waitMs, 1) + 0.25;
      const answer = answers[Math.min(waits.length, answers.length) - 1];
      if (answer instanceof Fault) throw answer;
      return answer as DrainResponse;
    },
    uncordon: async () => {
      uncordoned += 1;
    },
  };
  const leave = (timeoutMs: number, force = false) =>
    drainBeforeLeave({ monotonicMs: () => nowMs }, gateway, {
      timeoutMs,
      force,
      onDrain: (one) => seen.push(one),
    });
  return { leave, waits, seen, uncordoned: () => uncordoned };
}

test('pods that go are told, and the first answer comes soon', async () => {
  const { leave, waits, seen, uncordoned } = cloud([held, held, gone]);
  expect(await leave(300_000)).toEqual(gone);
  expect(waits).toEqual([3000, 15_000, 15_000]);
  expect(seen.map(({ remainingPods }) => remainingPods.length)).toEqual([2, 2, 1]);
  expect(uncordoned()).toBe(0);
});

test('a pod that comes again to a cordoned node, whatever it is called, is not waited for', async () => {
  const round = (number: number): DrainResponse => ({
    evictedPods: number === 1 ? [] : [`cilium/operator-${number - 1}`, 'default/set-0'],
    remainingPods: [
      { pod: `cilium/operator-${number}`, reason: 'it has not ended yet' },
      { pod: 'default/set-0', reason: 'it has not ended yet' },
    ],
  });
  const { leave, waits } = cloud([round(1), round(2), round(3), round(4)]);
  const { evictedPods, remainingPods } = await leave(300_000);
  expect(waits).toHaveLength(2);
  expect(evictedPods).toEqual(['cilium/operator-1', 'default/set-0']);
  expect(remainingPods).toEqual([]);
});

test('a budget that lets none go is a refusal with its name, and the node takes pods again', async () => {
  const { leave, waits, uncordoned } = cloud([held]);
  await expect(leave(20_000)).rejects.toMatchObject({
    code: 'DRAIN_INCOMPLETE',
    values: { name: 'idc-1', count: 1, pods: `default/web (${budget})` },
  });
  expect(waits).toEqual([3000, 15_000, 2000]); // whole ones, whatever the clock says
  expect(uncordoned()).toBe(1);
});

test('one that somebody had cordoned stays so', async () => {
  const { leave, uncordoned } = cloud([held], true);
  await expect(leave(1000)).rejects.toMatchObject({ code: 'DRAIN_INCOMPLETE' });
  expect(uncordoned()).toBe(0);
});

test('with --force the time is given all the same, and then the host goes', async () => {
  const { leave, uncordoned } = cloud([held]);
  expect(await leave(5000, true)).toEqual(held);
  expect(uncordoned()).toBe(0);
});

test('a drain that is cut off leaves no node cordoned', async () => {
  const { leave, uncordoned } = cloud([held, new Fault('GATEWAY_UNREACHABLE', { url: 'x', detail: 'y' })]);
  await expect(leave(60_000)).rejects.toMatchObject({ code: 'GATEWAY_UNREACHABLE' });
  expect(uncordoned()).toBe(1);
});
