// kill -9 and loss of power at every effect of a whole join: all of them, not a sample. Each time the next
// run completes, and after the leave the host is what it was: paths, modes, owners, contents, links, units,
// parameters, images, links of the network.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../../agent/host/host.ts';
import { archives, startGateway } from '../../worlds/desired.ts';
import { dyingRun, everyDeath, leave, limitMs, worldState } from '../../worlds/dying.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { IdcHost } from '../../worlds/idc-host.ts';
import { joinThrough } from '../../worlds/join.ts';

let gateway: LoopbackGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

const join = (host: Host) => joinThrough(gateway, host);

const units = [
  'containerd.service',
  'kubelet.service',
  'regnode-bpffs.service',
  'regnode.service',
  'run-cilium-cgroupv2.mount',
];

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
  'a join that is cut off at any effect is finished by the next',
  async () => {
    const deaths = await everyDeath(new IdcHost(archives), join);
    for (const one of deaths) {
      const world = new IdcHost(archives);
      try {
        const before = worldState(world);
        const death = await dyingRun(world, one, join);
        await expectToComplete(death, () => join(world.host));
        expect([...world.units.keys()].sort(), death).toEqual(units);
        await expectToComplete(death, () => leave(world.host));
        expect(worldState(world), death).toEqual(before);
      } finally {
        world.remove();
      }
    }
    expect(deaths.length).toBeGreaterThan(200);
  },
  limitMs,
);

async function expectToComplete(death: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`after a death at ${death}: ${String(error)}`, { cause: error });
  }
}
