// What a join that died leaves behind is finished by the next, and the leave after it makes the host what it
// was: paths, modes, owners, contents, links, units, parameters, images, links of the network.
import { expect } from 'vitest';
import type { Host } from '../../../agent/host/host.ts';
import { everyDeath, type Moment } from '../../worlds/death.ts';
import { archives } from '../../worlds/desired.ts';
import { leave, onEach, worldState } from '../../worlds/dying.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { IdcHost } from '../../worlds/idc-host.ts';
import { joinThrough } from '../../worlds/join.ts';

export const units = [
  'containerd.service',
  'kubelet.service',
  'regnode-bpffs.service',
  'regnode.service',
  'run-cilium-cgroupv2.mount',
];

/** Every death of this kind, not a sample. Returns how many there were. */
export async function expectNextToFinish(gateway: LoopbackGateway, moment: Moment): Promise<number> {
  const join = (host: Host) => joinThrough(gateway, host);
  const world = new IdcHost(archives);
  const before = worldState(world);
  const { estates } = await everyDeath(world, join, (death) => death.moment === moment);
  await onEach(estates, async (left, death) => {
    await expectToComplete(death, () => join(left.host));
    expect([...left.units.keys()].sort(), death).toEqual(units);
    await expectToComplete(death, () => leave(left.host));
    expect(worldState(left), death).toEqual(before);
  });
  return estates.length;
}

async function expectToComplete(death: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`after a death at ${death}: ${String(error)}`, { cause: error });
  }
}
