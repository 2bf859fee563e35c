// Death by kill -9 or by loss of power: after an effect of the agent, or in the middle of it (which may be
// before it). A death by loss of power also takes what was written and not synced.
//
//   everyDeath   one run, and what each death in it leaves: a world of its own for each
//   mortal       a run that dies itself: from then on no call ever answers, as for a process that was
//                killed, so no catch and no finally of the agent runs
import type { DurableAppender, Host } from '../../agent/host/host.ts';
import { hasMiddle, hostOfEffects, losePower, type Passage, type Tear } from './effects.ts';
import type { IdcHost } from './idc-host.ts';

export type Moment = 'torn' | 'after';

export interface Death {
  /** The effect. */
  readonly name: string;
  readonly moment: Moment;
  /** For people. */
  readonly title: string;
}

/** What a death left behind. */
export interface Estate extends Death {
  readonly world: IdcHost;
}

/**
 * Every death of a run in this world, which is used up: after each effect, and in the middle of each that has
 * one. Of those that `wanted` chooses (by their number, too) there is a copy of the world as the death leaves
 * it, which is the caller's to remove. Steps side by side have their effects one after the other.
 */
export async function everyDeath(
  world: IdcHost,
  run: (host: Host) => Promise<unknown>,
  wanted: (death: Death, index: number) => boolean = () => true,
): Promise<{ readonly deaths: readonly Death[]; readonly estates: readonly Estate[] }> {
  const deaths: Death[] = [];
  const estates: Estate[] = [];
  let count = 0;
  let turn: Promise<unknown> = Promise.resolve();

  function die(name: string, moment: Moment, tear?: Tear): void {
    const death = { name, moment, title: `effect ${count}: ${moment} ${name}` };
    if (wanted(death, deaths.push(death) - 1)) {
      const left = world.copy();
      estates.push({ ...death, world: left });
      tear?.(left);
      if (moment === 'torn') losePower(left);
    }
  }

  const passage: Passage = {
    effect(name, act, tear) {
      const done = turn.then(async () => {
        count += 1;
        if (hasMiddle(name)) die(name, 'torn', tear);
        try {
          return await act();
        } finally {
          die(name, 'after');
        }
      });
      turn = done.catch(() => undefined);
      return done;
    },
    look: (act) => act(),
    opened: async () => undefined,
    close: (appender) => appender.close(),
  };

  try {
    await run(hostOfEffects(world, passage));
    return { deaths, estates };
  } catch (error) {
    for (const estate of estates) estate.world.remove();
    throw error;
  } finally {
    world.remove();
  }
}

export interface Mortal {
  readonly host: Host;
  /** Effects so far, what each was. */
  readonly effects: readonly string[];
  /** Resolves with what it died of. */
  readonly died: Promise<string>;
}

/** Dies after its effect number `dieAt`; at 0 it never does. */
export function mortal(world: IdcHost, dieAt: number): Mortal {
  const { promise: died, resolve: die } = Promise.withResolvers<string>();
  const never = new Promise<never>(() => undefined);
  const open: DurableAppender[] = [];
  const effects: string[] = [];
  let dead = false;

  async function look<T>(act: () => Promise<T>): Promise<T> {
    const result = await act();
    return dead ? never : result;
  }

  const host = hostOfEffects(world, {
    async effect(name, act) {
      if (dead) return never;
      effects.push(name);
      if (effects.length !== dieAt) return look(act);
      // Also one that fails (beside others, in another order than before) is the last thing that it tries.
      await act().catch(() => undefined);
      dead = true;
      for (const appender of open) await appender.close();
      die(`after ${name}`);
      return never;
    },
    look,
    // A dead process has nothing open: also what was being opened when it died.
    opened: async (appender) => {
      if (dead) await appender.close();
      else open.push(appender);
    },
    close: async (appender) => {
      if (!dead) await appender.close();
    },
  });
  return { host, effects, died };
}
