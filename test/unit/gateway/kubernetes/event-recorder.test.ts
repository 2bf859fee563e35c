// Events: written once and counted up, and never so many about one object that they fill the cluster.
import { beforeEach, expect, test } from 'vitest';
import { createEventRecorder, type RecordEvent } from '../../../../gateway/kubernetes/event-recorder.ts';
import { events } from '../../../../gateway/kubernetes/kinds.ts';
import { registeredNodes } from '../../../../gateway/resources/registered-node.ts';
import { memoryKubernetes } from '../memory-kubernetes.ts';

let kubernetes: ReturnType<typeof memoryKubernetes>;
let record: RecordEvent;
let nowMs: number;
let dropped: number;

beforeEach(() => {
  kubernetes = memoryKubernetes();
  nowMs = 1_000_000;
  dropped = 0;
  record = createEventRecorder(
    kubernetes,
    { debug() {} },
    () => nowMs,
    () => {
      dropped += 1;
    },
  );
});

const about = (name: string, message: string) =>
  record(registeredNodes, { name }, { type: 'Warning', reason: 'DiskFilling', message });
const written = async () => (await kubernetes.list(events)).items;

test('one that repeats counts up', async () => {
  for (let count = 0; count < 3; count += 1) about('idc-1', 'the same');
  await expect.poll(async () => (await written()).map(({ count }) => count)).toEqual([3]);
});

test('fifty about one object, then one a minute; others are not held up', async () => {
  for (let count = 0; count < 10_000; count += 1) about('idc-1', `news ${count}`);
  about('idc-2', 'news');
  await expect.poll(async () => (await written()).length).toBe(51);
  expect(dropped).toBe(9950);
  nowMs += 60_000;
  about('idc-1', 'later');
  about('idc-1', 'later still');
  await expect.poll(async () => (await written()).length).toBe(52);
  expect(dropped).toBe(9951);
});
