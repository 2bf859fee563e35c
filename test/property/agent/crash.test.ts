// kill -9 and loss of power at every effect of a whole join and of a whole leave: all of them, not a sample. Each
// time the next run completes, and after the leave the host is what it was: paths, modes, owners, contents,
// links, units, parameters, images, links of the network.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../../agent/host/host.ts';
import { leaveNode } from '../../../agent/node/leave.ts';
import { hasMiddle, type Moment, mortal } from '../../worlds/death.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { IdcHost } from '../../worlds/idc-host.ts';
import { joinThrough } from '../../worlds/join.ts';
import { snapshot } from '../../worlds/snapshot.ts';
import { archives, startGateway } from '../../worlds/wish.ts';

/** The kernel's own; everything else has to be as it was, /run too. */
const without = ['/proc', '/sys'];

let gateway: LoopbackGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

const join = (host: Host) => joinThrough(gateway, host);

function leave(host: Host) {
  return leaveNode(host, { force: false, drain: true });
}

function worldState(world: IdcHost): unknown {
  return { files: snapshot(world.root, without), state: world.state() };
}

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

/** Every death that a run can die: after each of its effects, and in the middle of each that has one. */
async function everyDeath(prepare: (host: Host) => Promise<unknown>, run: (host: Host) => Promise<unknown>) {
  const world = new IdcHost(archives);
  try {
    await prepare(world.host);
    const { host, effects } = mortal(world, 0, 'after');
    await run(host);
    return effects.flatMap((name, index) => {
      const moments: readonly Moment[] = hasMiddle(name) ? ['torn', 'after'] : ['after'];
      return moments.map((moment) => ({ name, at: index + 1, moment }));
    });
  } finally {
    world.remove();
  }
}

const limitMs = 10 * 60_000;
const nothing = async () => undefined;

test(
  'a join that is cut off at any effect is finished by the next',
  async () => {
    const deaths = await everyDeath(nothing, join);
    for (const { at, moment } of deaths) {
      const world = new IdcHost(archives);
      try {
        const before = worldState(world);
        const death = await dyingRun(world, at, moment, join);
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

test(
  'a join that is cut off between an entry of the journal and its change can be left at once',
  async () => {
    const deaths = await everyDeath(nothing, join);
    const journaled = deaths.filter(({ name, moment }) => name.startsWith('append ') && moment === 'after');
    expect(journaled.length).toBeGreaterThan(50);
    for (const { at, moment } of journaled) {
      const world = new IdcHost(archives);
      try {
        const before = worldState(world);
        const death = await dyingRun(world, at, moment, join);
        await leaveWhatThereIs(world, death);
        expect(worldState(world), death).toEqual(before);
      } finally {
        world.remove();
      }
    }
  },
  limitMs,
);

test(
  'a leave that is cut off at any effect is finished by the next',
  async () => {
    const deaths = await everyDeath(join, leave);
    for (const { at, moment } of deaths) {
      const world = new IdcHost(archives);
      try {
        const before = worldState(world);
        await join(world.host);
        const death = await dyingRun(world, at, moment, leave);
        await leaveWhatThereIs(world, death);
        expect(worldState(world), death).toEqual(before);
      } finally {
        world.remove();
      }
    }
    expect(deaths.length).toBeGreaterThan(50);
  },
  limitMs,
);

const units = [
  'containerd.service',
  'kubelet.service',
  'regnode-bpffs.service',
  'regnode.service',
  'run-cilium-cgroupv2.mount',
];

/** A death before the first mark or after the last one leaves nothing to leave. */
async function leaveWhatThereIs(world: IdcHost, death: string): Promise<void> {
  await leave(world.host).catch((error: unknown) =>
    expect(error, `${death}: ${String(error)}`).toMatchObject({ code: 'NOT_JOINED' }),
  );
}

/** Runs until it dies, and says of what. */
async function dyingRun(
  world: IdcHost,
  at: number,
  moment: Moment,
  run: (host: Host) => Promise<unknown>,
): Promise<string> {
  const { host, died } = mortal(world, at, moment);
  const ended = run(host).then(() => Promise.reject(new Error(`the run ended before its effect ${at}`)));
  return Promise.race([died.then((what) => `effect ${at}: ${what}`), ended]);
}

async function expectToComplete(death: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`after a death at ${death}: ${String(error)}`, { cause: error });
  }
}
