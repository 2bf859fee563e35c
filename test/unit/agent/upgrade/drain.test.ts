// A kubelet of another minor version begins on a node without pods, and the node takes pods again
// when the trial is over, whichever way it ended and whatever cut it off. On a host in a folder,
// with a gateway on loopback.
import { readlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { gatewaySource } from '../../../../agent/components/artifacts/gateway.ts';
import { componentLink, paths } from '../../../../agent/config/paths.ts';
import type { Host } from '../../../../agent/host/host.ts';
import { createGatewayApi, type GatewayApi } from '../../../../agent/identity/gateway-api.ts';
import { readState } from '../../../../agent/state/state.ts';
import { type AdvanceOptions, advanceNode } from '../../../../agent/upgrade/advance.ts';
import type { Artifact, DesiredState } from '../../../../protocol/messages/desired.ts';
import { mortal } from '../../../worlds/death.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { joinThrough } from '../../../worlds/join.ts';

const builds = { patch: '1.20.3', minor: '1.21.0', bad: '1.21.1' } as const;
type Build = keyof typeof builds;
const known = new Map([
  ...archives,
  ...Object.keys(builds).map((build) => [build, { 'bin/kubelet': build }] as const),
]);

let gateway: LoopbackGateway;
let api: GatewayApi;
let kubelets: Readonly<Record<Build, Artifact>>;
let world: IdcHost;
let calls: string[];

beforeAll(async () => {
  gateway = await startGateway();
  const before = gateway.desired.artifacts;
  const add = (build: Build) => gateway.add('kubelet', builds[build], build);
  kubelets = { patch: add('patch'), minor: add('minor'), bad: add('bad') };
  gateway.offer([...before, ...Object.values(kubelets)], { serial: 2 });
  gateway.desired = { ...gateway.desired, artifacts: before };
  api = createGatewayApi({ url: gateway.url, caPem: gateway.caPem, environment: {} });
});
afterAll(async () => {
  api.close();
  await gateway.stop();
});
beforeEach(async () => {
  world = new IdcHost(known);
  calls = [];
  gateway.remainingPods = [];
  gateway.status = { ...gateway.status, unschedulable: false };
  await joinThrough(gateway, world.host);
});
afterEach(() => world.remove());

const inUse = () => readlinkSync(world.at(componentLink('kubelet')));

function desiredWith(build: Build, drain: DesiredState['upgrade']['drain'] = 'minor'): DesiredState {
  const { artifacts, upgrade } = gateway.desired;
  const others = artifacts.filter(({ component }) => component !== 'kubelet');
  return {
    ...gateway.desired,
    revision: build + drain,
    upgrade: { ...upgrade, drain },
    artifacts: [...others, kubelets[build]],
  };
}

/**
 * The daemon's round, with a clock that jumps over every pause; each call to the gateway is kept
 * with the kubelet in use then.
 */
function advance(desired: DesiredState, host: Host = world.host, more: Partial<AdvanceOptions> = {}) {
  let nowMs = 0;
  const sleep = async (milliseconds: number) => {
    nowMs += milliseconds;
  };
  const { signal } = new AbortController();
  const kept = <T>(name: string, act: () => Promise<T>) => {
    calls.push(`${name} at ${inUse()}`);
    return act();
  };
  return advanceNode(
    { ...host, clock: { ...host.clock, monotonicMs: () => nowMs, sleep } },
    {
      signal,
      desired: () => desired,
      source: gatewaySource(api),
      reconcile: { source: gatewaySource(api), signal },
      probe: async () => ({
        missing: inUse() === builds.bad ? ['the kubelet does not answer'] : [],
        isSeen: true,
        processes: [`kubelet.service ${world.units.get('kubelet.service')}`],
        started: [],
      }),
      gateway: {
        status: api.status,
        drainForUpgrade: () => kept('drain', () => api.drainForUpgrade()),
        uncordon: () => kept('uncordon', () => api.uncordon()),
      },
      onTrial: () => undefined,
      onVerdict: () => undefined,
      onSwept: () => undefined,
      onSettingsTrial: () => undefined,
      onSettingsVerdict: () => undefined,
      ...more,
    },
  );
}

test.each<[Build, DesiredState['upgrade']['drain'], string[], string]>([
  ['minor', 'minor', ['drain at 1.20.2', 'uncordon at 1.21.0'], '1.21.0'],
  ['bad', 'minor', ['drain at 1.20.2', 'uncordon at 1.20.2'], '1.20.2'],
  ['patch', 'minor', [], '1.20.3'],
  ['patch', 'always', ['drain at 1.20.2', 'uncordon at 1.20.3'], '1.20.3'],
  ['minor', 'never', [], '1.21.0'],
])('to a %s build with %s', async (build, drain, asked, ends) => {
  const done = await advance(desiredWith(build, drain));
  expect(done?.choice.held).toHaveLength(build === 'bad' ? 1 : 0);
  expect(inUse()).toBe(ends);
  expect(calls).toEqual(asked);
  expect(gateway.status.unschedulable).toBe(false);
  expect((await readState(world.host))?.drainedFor).toBeUndefined();
  expect(await advance(desiredWith(build, drain))).toMatchObject({ steps: 0 });
  expect(calls).toEqual(asked);
});

test('a node that an operator had cordoned stays so', async () => {
  gateway.status = { ...gateway.status, unschedulable: true };
  await advance(desiredWith('minor'));
  expect(calls).toEqual(['drain at 1.20.2']);
  expect(gateway.status.unschedulable).toBe(true);
  expect((await readState(world.host))?.drainedFor).toBeUndefined();
});

describe('pods that do not go', () => {
  const budget = [{ pod: 'shop/db-0', reason: 'Cannot evict pod as it would violate the budget' }];

  test('keep the old kubelet, cost no attempt, and the next round goes on', async () => {
    gateway.remainingPods = budget;
    await expect(advance(desiredWith('minor'))).rejects.toMatchObject({
      code: 'DRAIN_INCOMPLETE',
      values: { name: 'idc-1', count: 1 },
    });
    expect(inUse()).toBe('1.20.2');
    expect((await readState(world.host))?.versions.kubelet?.trial).toBeUndefined();
    expect(gateway.status.unschedulable).toBe(true);
    gateway.remainingPods = [];
    await advance(desiredWith('minor'));
    expect(inUse()).toBe('1.21.0');
    expect(calls).toEqual(['drain at 1.20.2', 'drain at 1.20.2', 'uncordon at 1.21.0']);
    expect(gateway.status.unschedulable).toBe(false);
  });

  test('and a desired state that is withdrawn: the node takes pods again', async () => {
    gateway.remainingPods = budget;
    await expect(advance(desiredWith('minor'))).rejects.toMatchObject({ code: 'DRAIN_INCOMPLETE' });
    await advance(gateway.desired);
    expect(calls).toEqual(['drain at 1.20.2', 'uncordon at 1.20.2']);
    expect(gateway.status.unschedulable).toBe(false);
  });

  test('because nothing would make them again run on', async () => {
    gateway.remainingPods = ['no controller', 'DaemonSet', 'mirror pod'].map((reason) => ({
      pod: 'a/b',
      reason,
    }));
    await advance(desiredWith('minor'));
    expect(inUse()).toBe('1.21.0');
  });
});

test('what can not be fetched costs no drain', async () => {
  const source = { ...gatewaySource(api), origins: [] };
  const { signal } = new AbortController();
  const round = advance(desiredWith('minor'), world.host, { reconcile: { source, signal } });
  await expect(round).rejects.toMatchObject({ code: 'ARTIFACT_MISSING' });
  expect(calls).toEqual([]);
});

test('a gateway that is away when the node is to take pods again is asked by the next round', async () => {
  const away = async () => Promise.reject(new Error('away'));
  const broken = { status: api.status, drainForUpgrade: api.drainForUpgrade, uncordon: away };
  await expect(advance(desiredWith('minor'), world.host, { gateway: broken })).rejects.toThrow('away');
  expect(gateway.status.unschedulable).toBe(true);
  await advance(desiredWith('minor'));
  expect(calls).toEqual(['uncordon at 1.21.0']);
  expect(gateway.status.unschedulable).toBe(false);
});

test('an agent that dies at any word that it keeps of it ends there all the same', async () => {
  const effects = await effectsOf(desiredWith('minor'));
  const written = effects.flatMap((name, index) => (name.includes(paths.stateFile) ? [index + 1] : []));
  expect(written.length).toBeGreaterThan(4);
  for (const at of written) {
    world.remove();
    world = new IdcHost(known);
    gateway.status = { ...gateway.status, unschedulable: false };
    await joinThrough(gateway, world.host);
    const { host, died } = mortal(world, at);
    const ended = advance(desiredWith('minor'), host).then(() =>
      Promise.reject(new Error(`no effect ${at}`)),
    );
    const death = await Promise.race([died, ended]);
    await advance(desiredWith('minor'));
    expect(inUse(), death).toBe('1.21.0');
    expect(gateway.status.unschedulable, death).toBe(false);
    expect((await readState(world.host))?.drainedFor, death).toBeUndefined();
  }
}, 120_000);

async function effectsOf(desired: DesiredState): Promise<readonly string[]> {
  const { host, effects } = mortal(world, 0);
  await advance(desired, host);
  return effects;
}
