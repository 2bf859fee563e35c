// What the crash tests share: every death that a run can die on a host, a run that dies one of them, and what
// a host is compared by afterwards.
import { expect } from 'vitest';
import type { Host } from '../../agent/host/host.ts';
import { leaveNode } from '../../agent/node/leave.ts';
import { hasMiddle, type Moment, mortal } from './death.ts';
import type { IdcHost } from './idc-host.ts';
import { snapshot } from './snapshot.ts';

/** A generous one, for what hangs. */
export const limitMs = 20 * 60_000;

type Run = (host: Host) => Promise<unknown>;

export interface Death {
  /** The effect. */
  readonly name: string;
  readonly at: number;
  readonly moment: Moment;
}

/** After each effect of a run in this world (which is used up), and in the middle of each that has one. */
export async function everyDeath(world: IdcHost, run: Run): Promise<Death[]> {
  try {
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

/**
 * Runs until it dies, and says of what. Steps side by side change places, but every run has as many effects.
 */
export async function dyingRun(world: IdcHost, { at, moment }: Death, run: Run): Promise<string> {
  const { host, died } = mortal(world, at, moment);
  const ended = run(host).then(() => {
    throw new Error(`the run ended before its effect ${at}`);
  });
  return Promise.race([died.then((what) => `effect ${at}: ${what}`), ended]);
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
