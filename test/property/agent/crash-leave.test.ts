// kill -9 and loss of power at every effect of a whole leave, and of a join that nobody finishes: all of
// them, not a sample. Each time the next leave gives the host back as it was, also when the state folder was
// deleted before.
import { rmSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { paths } from '../../../agent/config/paths.ts';
import type { Host } from '../../../agent/host/host.ts';
import { leaveNode } from '../../../agent/node/leave.ts';
import { everyDeath } from '../../worlds/death.ts';
import { archives, startGateway } from '../../worlds/desired.ts';
import { leave, leaveWhatThereIs, limitMs, onEach, worldState } from '../../worlds/dying.ts';
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
    const { estates } = await everyDeath(joined.copy(), leave);
    await onEach(estates, async (world, death) => {
      await leaveWhatThereIs(world, death);
      expect(worldState(world), death).toEqual(fresh);
    });
    expect(estates.length).toBeGreaterThan(50);
  },
  limitMs,
);

test(
  'a join that is cut off between an entry of the journal and its change can be left at once',
  async () => {
    const { estates } = await everyDeath(
      new IdcHost(archives),
      join,
      ({ name, moment }) => name.startsWith('append ') && moment === 'after',
    );
    expect(estates.length).toBeGreaterThan(50);
    await onEach(estates, async (world, death) => {
      await leaveWhatThereIs(world, death);
      expect(worldState(world), death).toEqual(fresh);
    });
  },
  limitMs,
);

const recover = (host: Host) => leaveNode(host, { force: false, drain: true, recover: true });

function withoutState(): IdcHost {
  const world = joined.copy();
  rmSync(joinPath(world.root, paths.state), { recursive: true });
  return world;
}

test(
  'a leave without the state folder that is cut off at any effect is finished by the next',
  async () => {
    // What comes after the copy is back is the leave above: of that one in ten.
    const isOfTheCopy = ({ name }: { name: string }) =>
      [paths.recovery, paths.backups, paths.journal].some((path) => name.includes(path));
    const { deaths, estates } = await everyDeath(
      withoutState(),
      recover,
      (death, index) => isOfTheCopy(death) || index % 10 === 0,
    );
    expect(deaths.filter(isOfTheCopy).length).toBeGreaterThan(5);
    await onEach(estates, async (world, death) => {
      await recover(world.host).catch((error: unknown) =>
        expect(error, `${death}: ${String(error)}`).toMatchObject({ code: 'NOT_JOINED' }),
      );
      expect(worldState(world), death).toEqual(fresh);
    });
  },
  limitMs,
);
