// A Node that somebody has deleted: the kubelet is started again after a while, at growing pauses, and
// never when it should not be.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { Presence, registerAgain, type SeenNode } from '../../../../agent/daemon/presence.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { background } from '../../../../protocol/defect.ts';

type World = Awaited<ReturnType<typeof start>>;

const seen = (ready: SeenNode['ready']): SeenNode => ({ kind: 'node', ready, message: '' });

async function start(isJoined: boolean, isSteady: boolean) {
  let elapsedMs = 0;
  let end = () => {};
  let paused = () => {};
  const restarts: number[] = [];
  const stop = new AbortController();
  const host = {
    clock: {
      nowMs: () => elapsedMs,
      monotonicMs: () => elapsedMs,
      sleep: (_milliseconds: number, signal: AbortSignal) =>
        new Promise<void>((resolve) => {
          end = resolve;
          signal?.addEventListener('abort', () => resolve(), { once: true });
          paused();
        }),
    },
    processes: {
      run: async (command: string, args: readonly string[]) => {
        expect([command, ...args]).toEqual(['systemctl', 'try-restart', 'kubelet.service']);
        restarts.push(elapsedMs);
        return { exitCode: 0, outcome: 'exited', stdout: '', stderr: '' };
      },
    },
  } as unknown as Host;
  const presence = new Presence({
    ...{ host, logger: pino({ level: 'silent' }), signal: stop.signal },
    isSteady: () => isSteady,
    isJoined: async () => isJoined,
  });
  const next = (act: () => void) =>
    new Promise<void>((resolve) => {
      paused = resolve;
      act();
    });
  await next(() => background('presence', presence.run()));
  return {
    presence,
    restarts,
    stop: () => stop.abort(),
    pass: async (milliseconds: number) => {
      for (const until = elapsedMs + milliseconds; elapsedMs < until; ) {
        elapsedMs += 5000;
        await next(end);
      }
    },
  };
}

async function on(host: { isJoined?: boolean; isSteady?: boolean }, use: (world: World) => Promise<void>) {
  const { isJoined = true, isSteady = true } = host;
  const world = await start(isJoined, isSteady);
  try {
    await use(world);
  } finally {
    world.stop();
  }
}

test('the kubelet is started again a minute after the Node has gone, then at doubling pauses', async () => {
  await on({}, async ({ presence, restarts, pass }) => {
    presence.seen(seen('True'));
    await pass(300_000);
    expect(restarts).toEqual([]);
    presence.seen(seen('Absent'));
    await pass(registerAgain.firstMs - 5000);
    expect(restarts).toEqual([]);
    expect(presence.observation).toMatchObject({ code: 'NODE_ABSENT', state: 'bad' });
    await pass(30_000);
    expect(restarts).toHaveLength(1);
    // Half an hour at most between two of them.
    await pass(4 * 3600_000);
    expect(restarts.length).toBeGreaterThan(8);
    expect(restarts.length).toBeLessThan(15);
  });
});

test('one that comes back in time is left alone, and the next time begins anew', async () => {
  await on({}, async ({ presence, restarts, pass }) => {
    presence.seen(seen('Absent'));
    await pass(50_000);
    presence.seen(seen('False'));
    await pass(600_000);
    expect(restarts).toEqual([]);
    expect(presence.observation).toMatchObject({ state: 'good' });
    presence.seen(seen('Absent'));
    await pass(80_000);
    expect(restarts).toHaveLength(1);
  });
});

test('a gateway that says now that it is gone and now that it is there gets few restarts', async () => {
  for (const awayMs of [65_000, 80_000, 130_000, 1_900_000]) {
    await on({}, async ({ presence, restarts, pass }) => {
      for (let hours = 0; hours < 6; hours += (2 * awayMs) / 3600_000) {
        presence.seen(seen('Absent'));
        await pass(awayMs);
        presence.seen(seen('True'));
        await pass(awayMs);
      }
      const inAnHour = (at: number) => restarts.filter((ms) => ms >= at && ms < at + 3600_000).length;
      expect(restarts.length).toBeGreaterThan(0);
      expect(Math.max(...restarts.map(inAnHour)), `away for ${awayMs} ms`).toBeLessThanOrEqual(6);
      expect(restarts.length, `away for ${awayMs} ms`).toBeLessThanOrEqual(24);
    });
  }
});

test('a Node that has been there for a while is made again as soon as the first time', async () => {
  await on({}, async ({ presence, restarts, pass }) => {
    presence.seen(seen('Absent'));
    await pass(600_000);
    const before = restarts.length;
    expect(before).toBeGreaterThan(2);
    presence.seen(seen('True'));
    await pass(registerAgain.settledMs);
    presence.seen(seen('Absent'));
    await pass(80_000);
    expect(restarts).toHaveLength(before + 1);
  });
});

test('not by a host that leaves, nor while it is not steady', async () => {
  await on({ isJoined: false }, async ({ presence, restarts, pass }) => {
    presence.seen(seen('Absent'));
    await pass(600_000);
    expect(restarts).toEqual([]);
  });
  await on({ isSteady: false }, async ({ presence, restarts, pass }) => {
    presence.seen(seen('Absent'));
    await pass(600_000);
    expect(restarts).toEqual([]);
    expect(presence.observation).toMatchObject({ state: 'unknown' });
  });
});
