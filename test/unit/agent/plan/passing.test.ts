// A gateway that asks for other registries again and again, and for other roots of them: the host remembers
// what it has, not what it had, and is given back as it was.
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import { leaveNode } from '../../../../agent/node/leave.ts';
import { reconcile } from '../../../../agent/node/reconcile.ts';
import { readState } from '../../../../agent/state/state.ts';
import type { Registry } from '../../../../protocol/settings/host.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import { worldState } from '../../../worlds/dying.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { joinThrough } from '../../../worlds/join.ts';
import { parseJournal } from '../../../worlds/journal.ts';

let gateway: LoopbackGateway;
let world: IdcHost;
let fresh: unknown;
beforeEach(async () => {
  gateway = await startGateway();
  world = new IdcHost(archives);
  fresh = worldState(world);
  await joinThrough(gateway, world.host);
});
afterEach(async () => {
  world.remove();
  await gateway.stop();
});

async function ask(registries: readonly Registry[]): Promise<void> {
  const state = await readState(world.host);
  if (state === undefined) throw new Error('not joined');
  const containerd = { ...state.desired.containerd, registries: [...registries] };
  await reconcile(world.host, { ...state, desired: { ...state.desired, containerd } });
}

const entries = () => parseJournal(readFileSync(world.at(paths.journal), 'utf8')).lines;
const names = (path: string) => readdirSync(world.at(path));

test('other hosts each time, and another certificate of one of them', async () => {
  const before = entries();
  const backups = names(paths.backups).length;
  for (let round = 0; round < 40; round++) {
    const passing = Array.from({ length: 6 }, (_, at) => ({
      host: `r${at}-${round}.example.com`,
      mirrors: [`https://m${round}.example.com`],
    }));
    const standing = {
      host: 'docker.io',
      mirrors: [`https://m${round}.example.com`],
      caPem: `roots ${round}`,
    };
    await ask([...passing, standing]);
  }
  expect(names(paths.registries)).toHaveLength(7);
  expect(names(paths.backups).length, 'no copy of what we wrote ourselves').toBeLessThanOrEqual(backups + 1);
  expect(names(`${paths.recovery}/backups`).length).toBeLessThanOrEqual(backups + 1);
  // 40 rounds make 480 things, and take nearly all of them back.
  expect(entries()).toBeLessThan(2 * before + 400);

  await ask([]);
  expect(names(paths.registries)).toEqual([]);
  expect(await leaveNode(world.host, { force: false, drain: true })).toMatchObject({ kept: [], failed: [] });
  expect(worldState(world)).toEqual(fresh);
}, 120_000);

test('a folder of a registry that holds what is not ours stays', async () => {
  await ask([{ host: 'docker.io', mirrors: [] }]);
  const file = `${paths.registries}/docker.io/mine`;
  await world.host.files.write(file, 'mine', { mode: 0o644 });
  await ask([]);
  expect(names(`${paths.registries}/docker.io`)).toEqual(['mine']);
  await ask([{ host: 'docker.io', mirrors: [] }]);
  await leaveNode(world.host, { force: false, drain: true });
  expect(readFileSync(world.at(file), 'utf8')).toBe('mine');
});
