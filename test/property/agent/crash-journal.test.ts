// kill -9 and loss of power at every effect of making a long journal shorter, on a host that is joined: the
// next leave gives the host back as it was, also from the second copy.
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { paths } from '../../../agent/config/paths.ts';
import type { Host } from '../../../agent/host/host.ts';
import { leaveNode } from '../../../agent/node/leave.ts';
import { reconcile } from '../../../agent/node/reconcile.ts';
import { encodeEntry } from '../../../agent/plan/entry.ts';
import { openJournal, readJournal } from '../../../agent/plan/journal.ts';
import { readState } from '../../../agent/state/state.ts';
import { everyDeath } from '../../worlds/death.ts';
import { archives, startGateway } from '../../worlds/desired.ts';
import { leave, limitMs, onEach, worldState } from '../../worlds/dying.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { IdcHost } from '../../worlds/idc-host.ts';
import { joinThrough } from '../../worlds/join.ts';

let gateway: LoopbackGateway;
let fresh: unknown;
let grown: IdcHost;
beforeAll(async () => {
  gateway = await startGateway();
  grown = new IdcHost(archives);
  fresh = worldState(grown);
  await joinThrough(gateway, grown.host);
  // What stood there before us, and what we have written since.
  await grown.host.files.write(paths.sysctlFile, 'changed', { mode: 0o644 });
  await ask(grown.host, 'first.example.com');
  const journal = await openJournal(grown.host);
  for (let number = 0; number < 400; number++) {
    const key = 'file:/etc/passing';
    const original = { kind: 'absent' };
    const entry = { path: '/etc/passing', writtenSha256: String(number), original };
    await journal.append({ key, kind: 'file', entry }, { key, kind: 'undone', entry: {} });
  }
  await journal.close();
  await grown.host.files.write(`${paths.backups}/${'a'.repeat(64)}`, 'named by nobody', { mode: 0o600 });
});
afterAll(async () => {
  grown.remove();
  await gateway.stop();
});

/** A round that makes the journal shorter, changes the host, and brings the second copy up to date. */
async function ask(host: Host, registry: string): Promise<void> {
  const state = await readState(host);
  if (state === undefined) throw new Error('not joined');
  const containerd = { ...state.desired.containerd, registries: [{ host: registry, mirrors: [] }] };
  await reconcile(host, { ...state, desired: { ...state.desired, containerd } });
}
const round = (host: Host) => ask(host, 'second.example.com');

test('a round makes it shorter', async () => {
  const world = grown.copy();
  try {
    const before = await readJournal(world.host);
    await round(world.host);
    const after = await readJournal(world.host);
    expect(before?.lines).toBeGreaterThan(800);
    expect(after?.lines).toBeLessThan(400);
    expect(await world.host.files.list(paths.backups)).not.toContain('a'.repeat(64));
  } finally {
    world.remove();
  }
});

test.each([
  ['its own state', leave],
  ['the second copy', fromCopy],
] as const)(
  'a leave from %s gives the host back, wherever the round was cut off',
  async (_, leaveNow) => {
    const { estates } = await everyDeath(grown.copy(), round);
    expect(estates.filter(({ name }) => name === `write ${paths.journal}`)).toHaveLength(2);
    expect(estates.some(({ name }) => name.startsWith(`removeFile ${paths.backups}`))).toBe(true);
    expect(estates.some(({ name }) => name.startsWith('rename /var/lib/.regnode.recovery/'))).toBe(true);
    await onEach(estates, async (world, death) => {
      if (leaveNow === fromCopy) rmSync(joinPath(world.root, paths.state), { recursive: true });
      const { kept, failed } = await leaveNow(world.host);
      expect(failed, death).toEqual([]);
      if (leaveNow === leave) expect(kept, death).toEqual([]);
      // The copy is of the last round that was finished: what this one made beyond it, it does not know.
      if (leaveNow === leave) expect(worldState(world), death).toEqual(fresh);
    });
  },
  limitMs,
);

test(
  'one of hundreds of MiB keeps nobody from leaving, and little of it is held',
  async () => {
    const world = grown.copy();
    try {
      const padding = 'x'.repeat(1024 * 1024);
      const file = openSync(world.at(paths.journal), 'a');
      const { lines = 0 } = (await readJournal(world.host)) ?? {};
      for (let number = lines + 1; number <= lines + 270; number++) {
        const change = { key: 'file:/etc/long', kind: 'unknown', entry: { padding } };
        writeSync(file, encodeEntry({ version: 1, number, at: '', ...change }));
      }
      closeSync(file);
      const read = await readJournal(world.host);
      expect(read).toMatchObject({ lines: lines + 270, damage: [] });
      expect(read?.entries.filter(({ kind }) => kind === 'unknown').length).toBeLessThan(80);
      expect(await leave(world.host)).toMatchObject({ failed: [] });
      expect(worldState(world)).toEqual(fresh);
    } finally {
      world.remove();
    }
  },
  limitMs,
);

function fromCopy(host: Host) {
  return leaveNode(host, { force: false, drain: true, recover: true });
}
