// What is drift and what is a changed desired state, and what is told of it: on a host in a folder, and pure.
import { appendFileSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { gatewaySource } from '../../../../agent/components/artifacts/gateway.ts';
import { componentLink, paths } from '../../../../agent/config/paths.ts';
import { nextDrift } from '../../../../agent/drift/notes.ts';
import { createGatewayApi, type GatewayApi } from '../../../../agent/identity/gateway-api.ts';
import { planNode, reconcile } from '../../../../agent/node/reconcile.ts';
import { planToJson, renderPlan } from '../../../../agent/plan/render.ts';
import { type NodeState, readState } from '../../../../agent/state/state.ts';
import type { DesiredState } from '../../../../protocol/messages/desired.ts';
import type { DriftNote } from '../../../../protocol/messages/report.ts';
import { archives, startGateway } from '../../../worlds/desired.ts';
import type { LoopbackGateway } from '../../../worlds/gateway.ts';
import { IdcHost } from '../../../worlds/idc-host.ts';
import { joinThrough } from '../../../worlds/join.ts';

let gateway: LoopbackGateway;
let api: GatewayApi;
let world: IdcHost;
let state: NodeState;

beforeAll(async () => {
  gateway = await startGateway();
  api = createGatewayApi({ url: gateway.url, caPem: gateway.caPem, environment: {} });
});
afterAll(async () => {
  api.close();
  await gateway.stop();
});
beforeEach(async () => {
  world = new IdcHost(archives);
  await joinThrough(gateway, world.host);
  state = (await readState(world.host)) as NodeState;
});
afterEach(() => world.remove());

const run = (change: Partial<DesiredState>) =>
  reconcile(
    world.host,
    { identity: state.identity, desired: { ...state.desired, ...change } },
    { source: gatewaySource(api) },
  );
const configuration = () => readFileSync(world.at(paths.containerdConfiguration), 'utf8');

function changeByHand(): void {
  appendFileSync(world.at(paths.containerdConfiguration), '# drift\n');
  world.units.delete('kubelet.service');
  rmSync(world.at(componentLink('runc')));
  symlinkSync('elsewhere', world.at(componentLink('runc')));
}

const keys = [
  `link:${componentLink('runc')}`,
  `file:${paths.containerdConfiguration}`,
  'unit:kubelet.service',
];

test('repair: everything that was changed by hand is set back, and told', async () => {
  changeByHand();
  const { drift } = await run({ driftPolicy: 'repair' });
  expect(drift.map(({ key }) => key)).toEqual(keys);
  expect(configuration()).not.toContain('# drift');
  expect(world.units.has('kubelet.service')).toBe(true);
  expect(await run({})).toEqual({ steps: 0, drift: [] });
});

test('report: everything stays, and is told each time', async () => {
  changeByHand();
  for (let look = 0; look < 2; look++) {
    const { steps, drift } = await run({ driftPolicy: 'report' });
    expect(steps).toBe(0);
    expect(drift.map(({ key }) => key)).toEqual(keys);
  }
  expect(configuration()).toContain('# drift');
  expect(world.units.has('kubelet.service')).toBe(false);
});

test('report: a changed desired state is carried out beside the drift, which stays', async () => {
  changeByHand();
  const kubelet = { ...state.desired.kubelet, maxPods: 17 };
  const { drift } = await run({ driftPolicy: 'report', kubelet });
  expect(readFileSync(world.at(paths.kubeletConfiguration), 'utf8')).toContain('17');
  expect(drift.map(({ key }) => key)).toContain(`file:${paths.containerdConfiguration}`);
  expect(configuration()).toContain('# drift');
});

test('report: a change that was cut off in the middle is no drift', async () => {
  const kubelet = { ...state.desired.kubelet, maxPods: 17 };
  const real = world.host;
  const host = {
    ...real,
    files: {
      ...real.files,
      write: (path: string, ...rest: [string, { mode: number }]) =>
        path === paths.kubeletConfiguration
          ? Promise.reject(new Error('cut off'))
          : real.files.write(path, ...rest),
    },
  };
  const desired: DesiredState = { ...state.desired, driftPolicy: 'report', kubelet };
  await expect(reconcile(host as typeof real, { identity: state.identity, desired })).rejects.toThrow(
    'cut off',
  );
  // The kubelet's unit, which was made beside it, is set back; nobody changed it by hand.
  const { steps, drift } = await run({ driftPolicy: 'report' });
  expect({ steps, drift }).toEqual({ steps: 1, drift: [] });
  expect((await run({ driftPolicy: 'report', kubelet })).drift).toEqual([]);
  expect(readFileSync(world.at(paths.kubeletConfiguration), 'utf8')).toContain('17');
});

test('a plan says which of its steps are drift, and whether they will be done', async () => {
  changeByHand();
  const { plan, drift } = await planNode(world.host, state);
  const text = renderPlan(plan, false, { drift, policy: 'report', onlyTold: [] });
  expect(text).toContain('# drift');
  expect(text).toContain('[drift: the pool says to leave it]');
  expect(planToJson(plan, { drift, policy: 'report', onlyTold: [] })).toMatchObject({
    schema: 2,
    driftPolicy: 'report',
    steps: keys.map((key) => ({ key, drift: true, willBeDone: false })),
  });
});

test('what stays keeps its time, what was set back is told for an hour', () => {
  const step = { action: 'make', key: 'file:/etc/x', title: '', reason: 'other content', diff: [] } as never;
  const at = (minutes: number) => new Date(minutes * 60_000).toISOString();
  const left = nextDrift([], [step], 'report', at(0));
  expect(nextDrift(left, [step], 'report', at(9))).toEqual(left);
  expect(nextDrift(left, [], 'report', at(10))).toEqual([]);
  const repaired: DriftNote[] = nextDrift(left, [step], 'repair', at(11));
  expect(repaired).toEqual([{ key: 'file:/etc/x', reason: 'other content', repaired: true, at: at(11) }]);
  expect(nextDrift(repaired, [], 'repair', at(60))).toEqual(repaired);
  expect(nextDrift(repaired, [], 'repair', at(72))).toEqual([]);
});
