// kill -9 and loss of power at every effect of a whole join and of a whole leave: all of them, not a sample. Each
// time the next run completes, and after the leave the host is what it was: paths, modes, owners, contents,
// links, units, parameters, images, links of the network.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../../agent/host/host.ts';
import { joinNode } from '../../../agent/node/join.ts';
import { leaveNode } from '../../../agent/node/leave.ts';
import { type Moment, mortal } from '../../worlds/death.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { IdcHost } from '../../worlds/idc-host.ts';
import { snapshot } from '../../worlds/snapshot.ts';
import { archives, startGateway } from '../../worlds/wish.ts';

/** The kernel's own; everything else has to be as it was, /run too. */
const without = ['/proc', '/sys'];

let gateway: LoopbackGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

function join(host: Host) {
  return joinNode(host, {
    wish: { gatewayUrl: gateway.url, caPem: gateway.caPem, nodeName: 'idc-1', token: 'rt-abcdef.secret' },
    preflight: async () => undefined,
    listener: { phase() {}, plan() {}, step() {}, waiting() {} },
    readyTimeoutMs: 1000,
    signal: new AbortController().signal,
  });
}

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
    expect([...world.units.keys()]).toEqual(['containerd.service', 'kubelet.service', 'regnode.service']);
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

// Before an effect is after the one before it: two moments are all there are.
const moments: readonly Moment[] = ['torn', 'after'];

test.each(moments)('a join that is cut off (%s each effect) is finished by the next', async (moment) => {
  let at = 1;
  for (; ; at++) {
    const world = new IdcHost(archives);
    try {
      const before = worldState(world);
      const death = await dyingRun(world, at, moment, join);
      if (death === undefined) break;
      await expectToComplete(death, () => join(world.host));
      expect([...world.units.keys()].sort(), death).toEqual([
        'containerd.service',
        'kubelet.service',
        'regnode.service',
      ]);
      await expectToComplete(death, () => leave(world.host));
      expect(worldState(world), death).toEqual(before);
    } finally {
      world.remove();
    }
  }
  expect(at).toBeGreaterThan(100);
});

test('a join that is cut off at any effect can be left at once', async () => {
  for (let at = 1; ; at++) {
    const world = new IdcHost(archives);
    try {
      const before = worldState(world);
      const death = await dyingRun(world, at, 'torn', join);
      if (death === undefined) break;
      await leave(world.host).catch((error: unknown) =>
        expect(error, death).toMatchObject({ code: 'NOT_JOINED' }),
      );
      expect(worldState(world), death).toEqual(before);
    } finally {
      world.remove();
    }
  }
});

test.each(moments)('a leave that is cut off (%s each effect) is finished by the next', async (moment) => {
  let at = 1;
  for (; ; at++) {
    const world = new IdcHost(archives);
    try {
      const before = worldState(world);
      await join(world.host);
      const death = await dyingRun(world, at, moment, leave);
      if (death === undefined) break;
      await leave(world.host).catch((error: unknown) =>
        expect(error, death).toMatchObject({ code: 'NOT_JOINED' }),
      );
      expect(worldState(world), death).toEqual(before);
    } finally {
      world.remove();
    }
  }
  expect(at).toBeGreaterThan(50);
});

/** What it died of; undefined when the run ended before its n-th effect. */
async function dyingRun(
  world: IdcHost,
  at: number,
  moment: Moment,
  run: (host: Host) => Promise<unknown>,
): Promise<string | undefined> {
  const { host, died } = mortal(world, at, moment);
  return Promise.race([died.then((what) => `effect ${at}: ${what}`), run(host).then(() => undefined)]);
}

async function expectToComplete(death: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`after a death at ${death}: ${String(error)}`, { cause: error });
  }
}
