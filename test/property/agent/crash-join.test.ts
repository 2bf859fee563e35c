// kill -9 at every effect of a whole join.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../../agent/host/host.ts';
import { archives, startGateway } from '../../worlds/desired.ts';
import { leave, limitMs, worldState } from '../../worlds/dying.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { IdcHost } from '../../worlds/idc-host.ts';
import { joinThrough } from '../../worlds/join.ts';
import { expectNextToFinish, units } from './cut-join.ts';

let gateway: LoopbackGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

const join = (host: Host) => joinThrough(gateway, host);

test('a join makes a node, another does nothing, and a leave gives the host back', async () => {
  const world = new IdcHost(archives);
  try {
    const before = worldState(world);
    expect((await join(world.host)).outcome).toBe('joined');
    expect([...world.units.keys()].sort()).toEqual(units);
    expect([...world.images]).toEqual(['docker.io/library/busybox:1', 'docker.io/library/pause:1']);
    expect((await join(world.host)).outcome).toBe('nothing-to-do');
    expect((await leave(world.host)).kept).toEqual([]);
    expect(worldState(world)).toEqual(before);
    await expect(leave(world.host)).rejects.toMatchObject({ code: 'NOT_JOINED' });
    expect(worldState(world)).toEqual(before);
  } finally {
    world.remove();
  }
});

test(
  'a join that is killed after any effect is finished by the next',
  async () => {
    expect(await expectNextToFinish(gateway, 'after')).toBeGreaterThan(180);
  },
  limitMs,
);
