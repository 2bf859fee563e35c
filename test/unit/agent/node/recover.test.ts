// A host whose /var/lib/regnode was deleted: it is told so, nothing is taken for its owner's, and it is
// given back.
import { rmSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { paths } from '../../../../agent/config/paths.ts';
import { diagnose } from '../../../../agent/doctor/diagnose.ts';
import { leaveNode } from '../../../../agent/node/leave.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import { worldState } from '../../../worlds/dying.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { joinThrough } from '../../../worlds/join.ts';

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

const lose = () => rmSync(joinPath(world.root, paths.state), { recursive: true });
const leave = (recover: boolean) => leaveNode(world.host, { force: false, drain: true, recover });
const lost = {
  code: 'STATE_LOST',
  values: { node: 'idc-1', path: paths.state, gateway: expect.stringMatching(/^https:/) },
};

test('leave, join and doctor say what was lost, and change nothing', async () => {
  lose();
  const before = worldState(world);
  await expect(leave(false)).rejects.toMatchObject(lost);
  await expect(joinThrough(gateway, world.host)).rejects.toMatchObject(lost);
  await expect(diagnose(world.host, 'en')).rejects.toMatchObject(lost);
  rmSync(joinPath(world.root, paths.state), { recursive: true, force: true }); // the lock's folder, if any
  expect(worldState(world)).toEqual(before);
});

test('with --recover the host is as it was before the join, and what stays in the cloud is named', async () => {
  lose();
  const { kept, failed } = await leave(true);
  expect(worldState(world)).toEqual(fresh);
  expect(failed).toEqual([]);
  expect(kept).toEqual([expect.stringContaining('regnodectl node remove idc-1')]);
  await joinThrough(gateway, world.host);
});

test('an ordinary leave leaves no copy behind, and --recover on a host that lost nothing is one', async () => {
  expect((await leave(true)).kept).toEqual([]);
  expect(worldState(world)).toEqual(fresh);
  expect(gateway.asked).toContain('POST /v1/node/deregister');
});

test('a copy of a host leaves the node to the host that has the tunnel', async () => {
  const holder = { address: '10.77.0.11', hostname: 'idc-1', bootId: 'another-boot' };
  gateway.status = { ...gateway.status, holder };
  const { clock } = world.host;
  let skippedMs = 0;
  const patient = {
    ...world.host,
    clock: {
      ...clock,
      monotonicMs: () => clock.monotonicMs() + skippedMs,
      sleep: async (milliseconds: number) => {
        skippedMs += milliseconds;
      },
    },
  };
  const { kept } = await leaveNode(patient, { force: false, drain: true });
  expect(kept).toEqual([expect.stringContaining('The node idc-1 stays in the cluster')]);
  expect(skippedMs).toBeGreaterThanOrEqual(20_000);
  expect(worldState(world)).toEqual(fresh);
  expect(gateway.asked.filter((what) => what.startsWith('POST /v1/node/'))).toEqual([]);
});

test('one that the gateway refused as the node does so at once, also while the first is off', async () => {
  const bootId =
    (await world.host.files.readText('/proc/sys/kernel/random/boot_id'))?.trim() || 'boot-of-the-copy';
  world.put('/proc/sys/kernel/random/boot_id', bootId);
  const identityConflict = { code: 'HARDWARE_DIFFERS', refused: { address: '10.77.0.12', bootId } };
  gateway.status = { ...gateway.status, tunnelConnected: false, identityConflict };
  const { kept } = await leave(false);
  expect(kept).toEqual([expect.stringContaining('stays in the cluster')]);
  expect(gateway.asked.filter((what) => what.startsWith('POST /v1/node/'))).toEqual([]);
});
