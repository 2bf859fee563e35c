// Loss of power in the middle of every effect of a whole join that has one. In a file of its own, so that it
// runs beside the deaths by kill -9.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGateway } from '../../worlds/desired.ts';
import { limitMs } from '../../worlds/dying.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { expectNextToFinish } from './cut-join.ts';

let gateway: LoopbackGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

test(
  'a join whose host loses power in the middle of any effect is finished by the next',
  async () => {
    expect(await expectNextToFinish(gateway, 'torn')).toBeGreaterThan(120);
  },
  limitMs,
);
