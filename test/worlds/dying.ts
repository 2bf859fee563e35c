// What the crash tests share: what they do with each estate of a death, and what a host is compared by
// afterwards.
import { expect } from 'vitest';
import type { Host } from '../../agent/host/host.ts';
import { leaveNode } from '../../agent/node/leave.ts';
import type { Estate } from './death.ts';
import type { IdcHost } from './idc-host.ts';
import { snapshot } from './snapshot.ts';

/** A generous one, for what hangs. */
export const limitMs = 20 * 60_000;

/** One after the other; all worlds are gone afterwards. */
export async function onEach(
  estates: readonly Estate[],
  act: (world: IdcHost, death: string, index: number) => Promise<void>,
): Promise<void> {
  try {
    for (const [index, { world, title }] of estates.entries()) {
      await act(world, title, index);
      world.remove();
    }
  } finally {
    for (const { world } of estates) world.remove();
  }
}

export function leave(host: Host) {
  return leaveNode(host, { force: false, drain: true });
}

/** A death before the first mark or after the last one leaves nothing to leave. */
export async function leaveWhatThereIs(world: IdcHost, death: string): Promise<void> {
  await leave(world.host).catch((error: unknown) =>
    expect(error, `${death}: ${String(error)}`).toMatchObject({ code: 'NOT_JOINED' }),
  );
}

/** Everything but the kernel's own files, /run too, and what is not in files. */
export function worldState(world: IdcHost): unknown {
  return { files: snapshot(world.root, ['/proc', '/sys']), state: world.state() };
}
