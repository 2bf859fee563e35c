// Sources asked in their rhythm, one never taking another with it; and what the sources make of a host.
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { HealthSource, Observation } from '../../../../agent/health/condition.ts';
import { HealthMonitor } from '../../../../agent/health/monitor.ts';
import { diskSource } from '../../../../agent/health/sources/disk.ts';
import { type NodeParts, nodeSource } from '../../../../agent/health/sources/node.ts';
import { preflightSources } from '../../../../agent/health/sources/preflight.ts';
import { healthTable } from '../../../../agent/health/table.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { isCheckCode } from '../../../../agent/preflight/messages/index.ts';
import { gatewayUrl, withDistribution } from '../../../fixtures/distribution.ts';

const logger = pino({ level: 'silent' });
const stop: AbortController[] = [];
afterEach(() => {
  for (const controller of stop.splice(0)) controller.abort();
});

/** A clock that turns when the test says so; `pauses` are those who sleep. */
function world() {
  let elapsedMs = 0;
  const pauses: { milliseconds: number; end: () => void }[] = [];
  const clock = {
    nowMs: () => 1_700_000_000_000 + elapsedMs,
    monotonicMs: () => elapsedMs,
    sleep: (milliseconds: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => {
        pauses.push({ milliseconds, end: resolve });
        signal?.addEventListener('abort', () => resolve());
      }),
  };
  const controller = new AbortController();
  stop.push(controller);
  return {
    host: { clock } as unknown as Host,
    signal: controller.signal,
    end: () => controller.abort(),
    pauses,
    pass: async (milliseconds: number) => {
      elapsedMs += milliseconds;
      for (const { end } of pauses.splice(0)) end();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const source = (name: string, look: () => Promise<readonly Observation[]>): HealthSource => ({
  name,
  everyMs: 1000,
  look,
});

describe('the monitor', () => {
  test('says nothing until every source has looked, then what it found, and tells each change once', async () => {
    const { host, signal, pass } = world();
    let told = 0;
    let answer = (_seen: readonly Observation[]) => {};
    const slow = new Promise<readonly Observation[]>((resolve) => {
      answer = resolve;
    });
    let kubelet: Observation['state'] = 'bad';
    const monitor = new HealthMonitor({
      host,
      sources: [
        source('slow', () => slow),
        source('quick', async () => [{ code: 'KUBELET_UNHEALTHY', state: kubelet }]),
      ],
      remembered: undefined,
      logger,
      signal,
    });
    monitor.onChange(() => {
      told += 1;
    });
    const running = monitor.run();
    await pass(0);
    expect(monitor.findings).toBeUndefined();
    answer([]);
    await pass(0);
    expect(monitor.findings).toEqual([]);
    expect(told).toBe(1);
    await pass(7_000);
    expect(monitor.findings).toEqual([]);
    await pass(2_000);
    await pass(0);
    expect(monitor.findings?.map(({ code }) => code)).toEqual(['KUBELET_UNHEALTHY']);
    expect(told).toBe(2);
    kubelet = 'good';
    await pass(1_000);
    await pass(4_000);
    await pass(0);
    expect(monitor.findings).toEqual([]);
    expect(told).toBe(3);
    stop.at(-1)?.abort();
    await running;
  });

  test('a source that throws has seen nothing, and the others go on', async () => {
    const { host, signal, pass } = world();
    let looks = 0;
    const monitor = new HealthMonitor({
      host,
      sources: [
        source('broken', () => Promise.reject(new Error('no such file'))),
        source('works', async () => {
          looks += 1;
          return [];
        }),
      ],
      remembered: undefined,
      logger,
      signal,
    });
    const running = monitor.run();
    for (let round = 0; round < 3; round++) await pass(1000);
    expect(monitor.findings).toEqual([]);
    expect(looks).toBeGreaterThan(2);
    stop.at(-1)?.abort();
    await running;
  });

  test('an alarm asks the sources that wait for it at once, and then at doubling pauses until it is as seldom as before', async () => {
    const { host, signal, pauses } = world();
    let state: Observation['state'] = 'good';
    const looks = { slow: 0, patient: 0 };
    const monitor = new HealthMonitor({
      host,
      sources: [
        {
          ...{ name: 'slow', everyMs: 60_000, unsettledMs: 2000 },
          look: async () => {
            looks.slow += 1;
            return [{ code: 'LINE_UNREACHABLE', state }];
          },
        },
        source('patient', async () => {
          looks.patient += 1;
          return [];
        }),
      ],
      ...{ remembered: undefined, logger, signal, onChange: () => {} },
    });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const running = monitor.run();
    await turn();
    expect(pauses.map(({ milliseconds }) => milliseconds)).toEqual([60_000, 1000]);
    state = 'bad';
    monitor.alarm();
    await turn();
    expect(looks).toEqual({ slow: 2, patient: 1 });
    for (let look = 0; look < 6; look++) {
      pauses.at(-1)?.end();
      await turn();
    }
    const asked = pauses.slice(2).map(({ milliseconds }) => milliseconds);
    expect(asked).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    state = 'good';
    monitor.alarm();
    await turn();
    expect(pauses.at(-1)?.milliseconds).toBe(2000);
    stop.at(-1)?.abort();
    await running;
  });

  test('what somebody sees by the way counts as well', () => {
    const { host, signal } = world();
    const monitor = new HealthMonitor({
      host,
      sources: [],
      remembered: undefined,
      logger,
      signal,
    });
    monitor.observe([
      { code: 'CERTIFICATE_NOT_RENEWED', state: 'bad', values: { detail: 'x', expiresAt: 'y' } },
    ]);
    expect(monitor.findings?.[0]?.message).toContain('could not be renewed (x)');
  });
});

const look = async (from: HealthSource, visible: readonly string[] = []) => {
  const seen = await from.look((code) => visible.includes(code), new AbortController().signal);
  return Object.fromEntries(
    seen.map(({ code, state, severity }) => [code, severity ? `${state} ${severity}` : state]),
  );
};

describe('the disk', () => {
  const at = (freeMiB: number, visible: readonly string[] = [], freeInodes = 5_000_000) =>
    withDistribution('tencentos-3.1', { freeMiB, freeInodes }, (host) => look(diskSource(host), visible));

  test.each([
    // Of 100 GiB.
    [30_000, [], 'good'],
    [15_000, [], 'bad'],
    [9_000, [], 'bad critical'],
    // What is visible clears only with clearly more room.
    [17_000, [], 'good'],
    [17_000, ['DISK_FILLING'], 'bad'],
    [21_000, ['DISK_FILLING'], 'good'],
  ] as const)('%i MiB free, %j visible: %s', async (freeMiB, visible, state) => {
    expect(await at(freeMiB, visible)).toEqual({
      ...{ DISK_FILLING: state, INODES_FILLING: 'good', SYSTEM_DISK_FULL: 'good' },
    });
  });

  test.each([
    [15, [], 'bad'],
    [17, [], 'good'],
    [17, ['SYSTEM_DISK_FULL'], 'bad'],
    [33, ['SYSTEM_DISK_FULL'], 'good'],
  ] as const)('%i MiB free where logs lie, %j visible: %s', async (freeMiB, visible, state) => {
    expect(await at(freeMiB, visible)).toMatchObject({ SYSTEM_DISK_FULL: state });
  });

  test('without inodes', async () => {
    expect(await at(50_000, [], 9_000)).toMatchObject({ DISK_FILLING: 'good', INODES_FILLING: 'bad' });
    expect(await at(50_000, ['INODES_FILLING'], 15_000)).toMatchObject({
      DISK_FILLING: 'good',
      INODES_FILLING: 'bad',
    });
  });
});

describe('the daemon’s own parts', () => {
  const parts: NodeParts = {
    tunnel: { state: 'Open', silentMs: undefined, lastFault: '' },
    certificate: { expiresAt: '', renewsAt: '', fault: '' },
    presence: { code: 'NODE_ABSENT', state: 'good' },
  };
  const states = (more: Partial<NodeParts>) => look(nodeSource(() => ({ ...parts, ...more })));

  test('all well; a tunnel that drains still carries everything', async () => {
    expect(new Set(Object.values(await states({})))).toEqual(new Set(['good']));
    expect(await states({ tunnel: { state: 'Draining', silentMs: undefined, lastFault: '' } })).toMatchObject(
      {
        TUNNEL_DOWN: 'good',
      },
    );
  });

  test('each of them', async () => {
    expect(
      await states({ tunnel: { state: 'Resuming', silentMs: undefined, lastFault: 'x' } }),
    ).toMatchObject({
      TUNNEL_DOWN: 'bad',
    });
    expect(await states({ tunnel: { state: 'Open', silentMs: 9000, lastFault: 'x' } })).toMatchObject({
      TUNNEL_DOWN: 'bad',
    });
    const silent = { state: 'Open', silentMs: 9000, lastFault: 'x' } as const;
    const seen = await nodeSource(() => ({ ...parts, tunnel: silent })).look(
      () => false,
      new AbortController().signal,
    );
    expect(seen[0]).toMatchObject({ code: 'TUNNEL_DOWN', lastedMs: 9000 });
    expect(await states({ certificate: { ...parts.certificate, fault: 'x' } })).toMatchObject({
      CERTIFICATE_NOT_RENEWED: 'bad',
    });
    const presence = { code: 'NODE_ABSENT', state: 'bad' } as const;
    expect(await states({ presence })).toMatchObject({ NODE_ABSENT: 'bad' });
  });
});

describe('preflight’s checks, asked again', () => {
  const asked = (patch: Parameters<typeof withDistribution>[1]) =>
    withDistribution('tencentos-3.1', patch, async (host) => {
      const found = await Promise.all(preflightSources(host, () => ({ gatewayUrl })).map((one) => look(one)));
      return Object.fromEntries(found.flatMap((states) => Object.entries(states)));
    });

  test('every check of the table is in one group, and only once', async () => {
    expect(Object.keys(await asked({})).sort()).toEqual(
      healthTable
        .map(({ code }) => code)
        .filter(isCheckCode)
        .sort(),
    );
  });

  test('a good host has nothing', async () => {
    const states = await asked({});
    expect(Object.values(states).filter((state) => state === 'bad')).toEqual([]);
    expect(states).toMatchObject({ SWAP: 'good', PRIVATE_LINE: 'good', LINE_MTU: 'good' });
  });

  test('swap that somebody has switched on', async () => {
    const swaps = 'Filename\tType\tSize\tUsed\tPriority\n/dev/vdb partition 1 0 -2\n';
    expect(await asked({ files: { '/proc/swaps': swaps } })).toMatchObject({ SWAP: 'bad' });
  });

  test('a route that is gone is bad, and what depends on it is unknown, not well', async () => {
    expect(await asked({ network: { routeTo: async () => undefined } })).toMatchObject({
      GATEWAY_ROUTE: 'bad',
      LINK_STATE: 'unknown',
      LINE_MTU: 'unknown',
    });
  });
});
