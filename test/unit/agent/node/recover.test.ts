// A host whose /var/lib/regnode was deleted, alone, with a copy of the journal, or with both: it is told so,
// nothing is taken for its owner's, and it is given back.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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
const loseCopies = (...copies: readonly string[]) => {
  lose();
  for (const copy of copies) rmSync(joinPath(world.root, copy), { recursive: true });
};
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

test('also by the copy beside the programs, when all of it in /var/lib is gone', async () => {
  loseCopies(paths.recovery);
  await expect(joinThrough(gateway, world.host)).rejects.toMatchObject(lost);
  expect((await leave(true)).kept).toEqual([expect.stringContaining('regnodectl node remove idc-1')]);
  expect(worldState(world)).toEqual(fresh);
});

describe('without any copy', () => {
  beforeEach(() => loseCopies(paths.recovery, paths.recoveryBeside));
  /** Replaced by the join, and set aside. */
  const ownersOwn = ['/etc/containerd/config.toml', '/etc/cni/net.d/10-own.conflist'];

  test('no join takes ours for its owner’s, and leave and doctor say what was lost', async () => {
    await expect(leave(false)).rejects.toMatchObject(lost);
    await expect(joinThrough(gateway, world.host)).rejects.toMatchObject(lost);
    await expect(diagnose(world.host, 'en')).rejects.toMatchObject(lost);
  });

  test('what carries a sign of ours goes, what was there before us stays, and what nobody knows is told', async () => {
    const { kept, failed } = await leave(true);
    expect(failed).toEqual([]);
    expect(kept).toEqual([
      expect.stringContaining('until the next boot'),
      expect.stringContaining('that the join replaced'),
      expect.stringContaining('regnodectl node remove idc-1'),
    ]);
    const { files: before } = fresh as { files: string[] };
    const { files: after } = worldState(world) as { files: string[] };
    const isOfFiles = (line: string) => !line.startsWith('/run/netns');
    const isLost = (line: string) => ownersOwn.some((path) => line.startsWith(`${path} `));
    expect(after.filter(isOfFiles)).toEqual(before.filter((line) => !isLost(line)));
    expect(world.units.has('kubelet.service')).toBe(false);
    expect(world.units.has('containerd.service')).toBe(false);
    await expect(leave(true)).rejects.toMatchObject({ code: 'NOT_JOINED' });
    await joinThrough(gateway, world.host);
  });

  test('somebody else’s files under the names of ours are never touched', async () => {
    const foreign = [
      paths.containerdConfiguration,
      paths.containerdDropIn,
      paths.sysctlFile,
      paths.clusterAuthority,
      paths.kubeletKubeconfig,
      paths.kubeletAccess,
      `${paths.units}/kubelet.service`,
      `${paths.units}/containerd.service`,
      paths.configuration,
    ];
    for (const path of foreign) world.put(path, `of somebody else, not "Written by regnode": ${path}\n`);
    world.put(`${paths.kubeletData}/.regnode`, '{"version":1,"note":"","directories":"none"}\n');
    const marks = [paths.kubeletData, paths.containerdData].map((folder) => `${folder}/.regnode`);
    const forged = { path: '/etc', content: 'ours', original: null, mounts: [] };
    for (const mark of marks)
      world.put(mark, JSON.stringify({ version: 1, note: '', directories: [forged] }));
    await leave(true);
    for (const path of foreign)
      expect(readFileSync(world.at(path), 'utf8'), path).toContain('of somebody else');
    expect(existsSync(world.at('/etc/hostname'))).toBe(true);
    expect(existsSync(world.at('/var/lib/kubelet/kept-by-its-owner'))).toBe(true);
  });
});

test('a host that nobody has joined has nothing of ours, whatever it runs', async () => {
  const other = new IdcHost(archives);
  try {
    other.put('/etc/systemd/system/kubelet.service', '[Service]\nExecStart=/usr/bin/kubelet\n');
    other.put('/var/lib/kubelet/config.yaml', 'kind: KubeletConfiguration\n');
    await expect(leaveNode(other.host, { force: false, drain: true, recover: true })).rejects.toMatchObject({
      code: 'NOT_JOINED',
    });
  } finally {
    other.remove();
  }
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
