// kill -9 and loss of power at every effect of a whole leave, and of a join that nobody finishes: all of
// them, not a sample. Each time the next leave gives the host back as it was.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Host } from '../../../agent/host/host.ts';
import { archives, startGateway } from '../../worlds/desired.ts';
import { dyingRun, everyDeath, leave, leaveWhatThereIs, limitMs, worldState } from '../../worlds/dying.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { IdcHost } from '../../worlds/idc-host.ts';
import { joinThrough } from '../../worlds/join.ts';

let gateway: LoopbackGateway;
let fresh: unknown;
let joined: IdcHost;
beforeAll(async () => {
  gateway = await startGateway();
  joined = new IdcHost(archives);
  fresh = worldState(joined);
  await join(joined.host);
});
afterAll(async () => {
  joined.remove();
  await gateway.stop();
});

const join = (host: Host) => joinThrough(gateway, host);

test('a copy of a host is that host', () => {
  const copy = joined.copy();
  try {
    expect(worldState(copy)).toEqual(worldState(joined));
    expect(worldState(copy)).not.toEqual(fresh);
  } finally {
    copy.remove();
  }
});

test(
  'a leave that is cut off at any effect is finished by the next',
  async () => {
    const deaths = await everyDeath(joined.copy(), leave);
    for (const one of deaths) {
      const world = joined.copy();
      try {
        const death = await dyingRun(world, one, leave);
        await leaveWhatThereIs(world, death);
        expect(worldState(world), death).toEqual(fresh);
      } finally {
        world.remove();
      }
    }
    expect(deaths.length).toBeGreaterThan(50);
  },
  limitMs,
);

test(
  'a join that is cut off between an entry of the journal and its change can be left at once',
  async () => {
    const deaths = await everyDeath(new IdcHost(archives), join);
    const journaled = deaths.filter(({ name, moment }) => name.startsWith('append ') && moment === 'after');
    expect(journaled.length).toBeGreaterThan(50);
    for (const one of journaled) {
      const world = new IdcHost(archives);
      try {
        const death = await dyingRun(world, one, join);
        await leaveWhatThereIs(world, death);
        expect(worldState(world), death).toEqual(fresh);
      } finally {
        world.remove();
      }
    }
  },
  limitMs,
);
