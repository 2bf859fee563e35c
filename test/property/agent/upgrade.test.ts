// kill -9 and loss of power at every effect of an upgrade: a version that works, and one that
// doesn't. Each time the next runs end on a version that works, the same everywhere (link, unit,
// memory), and a leave gives the host back.
import { existsSync, readFileSync, readlinkSync, utimesSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gatewaySource } from '../../../agent/components/artifacts/gateway.ts';
import { componentLink, paths } from '../../../agent/config/paths.ts';
import type { Host } from '../../../agent/host/host.ts';
import { createGatewayApi, type GatewayApi } from '../../../agent/identity/gateway-api.ts';
import { readState } from '../../../agent/state/state.ts';
import { advanceNode } from '../../../agent/upgrade/advance.ts';
import type { Artifact, DesiredState } from '../../../protocol/messages/desired.ts';
import { everyDeath } from '../../worlds/death.ts';
import { archives, startGateway } from '../../worlds/desired.ts';
import { leave, limitMs, onEach, worldState } from '../../worlds/dying.ts';
import type { LoopbackGateway } from '../../worlds/gateway.ts';
import { IdcHost } from '../../worlds/idc-host.ts';
import { joinThrough } from '../../worlds/join.ts';

const known = new Map([...archives, ['good', { 'bin/kubelet': 'g' }], ['bad', { 'bin/kubelet': 'b' }]]);
const versionOf = { good: '1.20.3', bad: '1.20.4' } as const;
let gateway: LoopbackGateway;
let api: GatewayApi;
let kubelets: Readonly<Record<'good' | 'bad', Artifact>>;
let fresh: unknown;
let joined: IdcHost;

beforeAll(async () => {
  gateway = await startGateway();
  const before = gateway.desired.artifacts;
  kubelets = {
    good: gateway.add('kubelet', versionOf.good, 'good'),
    bad: gateway.add('kubelet', versionOf.bad, 'bad'),
  };
  gateway.offer([...before, kubelets.good, kubelets.bad], { serial: 2 });
  gateway.desired = { ...gateway.desired, artifacts: before };
  api = createGatewayApi({ url: gateway.url, caPem: gateway.caPem, environment: {} });
  joined = new IdcHost(known);
  fresh = worldState(joined);
  await joinThrough(gateway, joined.host);
});
afterAll(async () => {
  joined.remove();
  api.close();
  await gateway.stop();
});

function desiredWith(build: 'good' | 'bad'): DesiredState {
  const others = gateway.desired.artifacts.filter(({ component }) => component !== 'kubelet');
  return { ...gateway.desired, revision: build, artifacts: [...others, kubelets[build]] };
}

const badMaxPods = 40;

function desiredPods(maxPods: number, restart: string): DesiredState {
  const { kubelet, upgrade } = gateway.desired;
  return {
    ...gateway.desired,
    revision: `${maxPods}-${restart}`,
    kubelet: { ...kubelet, maxPods },
    upgrade: { ...upgrade, restart },
  };
}

const maxPodsOf = (world: IdcHost) =>
  Number(/maxPods: (\d+)/.exec(readFileSync(world.at(paths.kubeletConfiguration), 'utf8'))?.[1]);
const inUse = (world: IdcHost) => readlinkSync(world.at(componentLink('kubelet')));

/**
 * The daemon's round, with a clock that jumps over every pause, and a kubelet that is as good as its build.
 */
function advance(world: IdcHost, host: Host, desired: DesiredState, source = gatewaySource(api)) {
  let nowMs = 0;
  const sleep = async (milliseconds: number) => {
    nowMs += milliseconds;
  };
  const clock = { ...host.clock, monotonicMs: () => nowMs, sleep };
  const signal = new AbortController().signal;
  return advanceNode(
    { ...host, clock },
    {
      signal,
      desired: () => desired,
      source,
      reconcile: { source, signal },
      probe: async () => ({
        missing:
          inUse(world) === versionOf.bad || maxPodsOf(world) === badMaxPods
            ? ['the kubelet does not answer']
            : [],
        isSeen: true,
        processes: [`kubelet.service ${world.units.get('kubelet.service')}`],
        started: [],
      }),
      gateway: api,
      onTrial: () => undefined,
      onVerdict: () => undefined,
      onSwept: () => undefined,
      onSettingsTrial: () => undefined,
      onSettingsVerdict: () => undefined,
    },
  );
}

test.each([
  ['good', '1.20.3'],
  ['bad', '1.20.2'],
] as const)(
  'an upgrade to a %s build that is cut off at any effect ends on %s',
  async (build, ends) => {
    const desired = desiredWith(build);
    const spent = joined.copy();
    const { estates } = await everyDeath(spent, (host) => advance(spent, host, desired));
    expect(estates.length).toBeGreaterThan(20);
    await onEach(estates, async (world, death, index) => {
      const done = await advance(world, world.host, desired);
      expect(inUse(world), death).toBe(ends);
      expect(done?.choice.held.length, death).toBe(build === 'bad' ? 1 : 0);
      const memory = (await readState(world.host))?.versions.kubelet;
      expect(memory?.proven.version, death).toBe(ends);
      expect(memory?.trial, death).toBeUndefined();
      expect(await advance(world, world.host, desired), death).toMatchObject({ steps: 0, drift: [] });
      if (index % 3 !== 0) return;
      await leave(world.host);
      expect(worldState(world), death).toEqual(fresh);
    });
  },
  limitMs,
);

test.each([
  ['bears', 50, 50],
  ['does not bear', badMaxPods, 110],
] as const)(
  'other settings that the node %s, cut off at any effect of its turn, end with the right ones',
  async (_, maxPods, ends) => {
    const spent = joined.copy();
    const waiting = await advance(spent, spent.host, desiredPods(maxPods, ''));
    expect(maxPodsOf(spent)).toBe(110);
    const desired = desiredPods(maxPods, waiting?.pending?.id ?? '');
    const { estates } = await everyDeath(spent, (host) => advance(spent, host, desired));
    expect(estates.length).toBeGreaterThan(5);
    await onEach(estates, async (world, death) => {
      const done = await advance(world, world.host, desired);
      expect(maxPodsOf(world), death).toBe(ends);
      expect(done?.pending, death).toBeUndefined();
      expect(done?.heldSettings?.code, death).toBe(ends === maxPods ? undefined : 'SETTINGS_UNHEALTHY');
      const { settings } = (await readState(world.host)) ?? {};
      expect(settings, death).toMatchObject({ proven: { kubelet: { maxPods: ends } } });
      expect([settings?.trial, settings?.isTurn], death).toEqual([undefined, undefined]);
      expect(await advance(world, world.host, desired), death).toMatchObject({ steps: 0, drift: [] });
    });
  },
  limitMs,
);

test('before a round fetches, what nobody needs any more leaves the store', async () => {
  const world = joined.copy();
  try {
    const part = (sha256: string) => `${paths.staging}/${sha256}.part`;
    const stale = part('0'.repeat(64));
    const needed = part(kubelets.good.sha256);
    for (const path of [stale, needed]) {
      world.put(path, '');
      utimesSync(world.at(path), 1, 1);
    }
    // A round that fails in the middle has swept all the same.
    const nowhere = { ...gatewaySource(api), origins: [] };
    const round = advance(world, world.host, desiredWith('good'), nowhere);
    await expect(round).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
    expect([stale, needed].map((path) => existsSync(world.at(path)))).toEqual([false, true]);
  } finally {
    world.remove();
  }
});
